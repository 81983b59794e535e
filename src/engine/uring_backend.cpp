#include "engine/uring_backend.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "os/socket.h"

namespace ouro::engine {
namespace {

Token linked_poll(Token receive) noexcept {
  return {Op::kLinkedPoll, receive.generation(), receive.slot()};
}

std::uint8_t file_flags(File file) noexcept { return file.direct ? IOSQE_FIXED_FILE : 0; }

}  // namespace

void UringBackend::accept(Token token, File listener) {
  io_uring_sqe* sqe = ring_->entry();
  if (laboratory_.accept == AcceptMode::kMultishot) {
    io_uring_prep_multishot_accept(sqe, listener.number, nullptr, nullptr, 0);
  } else {
    io_uring_prep_accept(sqe, listener.number, nullptr, nullptr, 0);
  }
  if (traits_.direct_files) {
    sqe->file_index = IORING_FILE_INDEX_ALLOC;
  } else {
    sqe->accept_flags = SOCK_CLOEXEC;
  }
  sqe->user_data = token.bits;
}

void UringBackend::connect(Token token, File file, const Address& address) {
  io_uring_sqe* sqe = ring_->entry();
  Address& kept = connecting_[next_connecting_];  // until the entry is handed over
  next_connecting_ = (next_connecting_ + 1) % connecting_.size();
  kept = address;
  io_uring_prep_connect(sqe, file.number, kept.raw(), kept.raw_size());
  sqe->user_data = token.bits;
}

void UringBackend::receive(Token token, File file, const ReceiveRequest& request) {
  if (request.ready_only) return poll_for(token, file.number, POLLIN | POLLRDHUP);
  const bool linked = request.poll_first && laboratory_.operation != OperationVariant::kRecv;
  if (linked) link_poll(token, file);
  io_uring_sqe* sqe = prepare_receive_call(token, file, request.credit);
  sqe->flags = static_cast<std::uint8_t>(IOSQE_BUFFER_SELECT | file_flags(file));
  sqe->buf_group = static_cast<std::uint16_t>(request.group);
  if (request.poll_first && !linked) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  if (!request.multishot) return;
  sqe->ioprio |= IORING_RECV_MULTISHOT;
  sqe->len = 0;  // without a limit the kernel wants it so
  if (traits_.receive_limit) sqe->optlen = sqe->len = request.credit;
}

io_uring_sqe* UringBackend::prepare_receive_call(Token token, File file,
                                                 std::uint32_t credit) noexcept {
  io_uring_sqe* sqe = ring_->entry();
  switch (laboratory_.operation) {
    case OperationVariant::kRecv:
      io_uring_prep_recv(sqe, file.number, nullptr, credit, 0);
      break;
    case OperationVariant::kRead:
      io_uring_prep_read(sqe, file.number, nullptr, credit, 0);
      break;
    case OperationVariant::kRecvmsg:
    case OperationVariant::kReadv: {
      Gather& empty = gather({});
      empty.parts[0] = {nullptr, credit};
      empty.message.msg_iovlen = 1;
      if (laboratory_.operation == OperationVariant::kReadv) {
        io_uring_prep_readv(sqe, file.number, empty.parts.data(), 1, 0);
      } else {
        io_uring_prep_recvmsg(sqe, file.number, &empty.message, 0);
      }
      break;
    }
  }
  sqe->user_data = token.bits;
  return sqe;
}

// A read that first waits for data, as one chain. Both entries must be handed over together.
void UringBackend::link_poll(Token token, File file) noexcept {
  if (io_uring_sq_space_left(ring_->raw()) < 2) io_uring_submit(ring_->raw());
  io_uring_sqe* sqe = ring_->entry();
  io_uring_prep_poll_add(sqe, file.number, POLLIN);
  sqe->flags = static_cast<std::uint8_t>(file_flags(file) | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
  sqe->user_data = linked_poll(token).bits;
}

void UringBackend::send(Token token, File file, const SendRequest& request) {
  if (request.ready_only) return poll_for(token, file.number, POLLOUT);
  // Without wait: take what goes now, rather than keep pool memory for a peer that does not read.
  const unsigned flags = MSG_NOSIGNAL | (request.wait ? 0u : unsigned{MSG_DONTWAIT});
  const bool plain = laboratory_.operation == OperationVariant::kRecv ||
                     laboratory_.operation == OperationVariant::kRead;
  if (request.blocks == 1 && plain) return send_single(token, file, request, flags);
  send_gathered(token, file, request, flags);
}

void UringBackend::send_single(Token token, File file, const SendRequest& request,
                               unsigned flags) noexcept {
  io_uring_sqe* sqe = ring_->entry();
  const Block* block = request.first;
  if (request.zero_copy) {
    UringBuffers& group = *groups_[static_cast<std::size_t>(BufferGroup::kZeroCopy)];
    const auto slab = static_cast<unsigned>(group.pool().slab_of(block));
    io_uring_prep_send_zc_fixed(sqe, file.number, block->data(), block->size(),
                                static_cast<int>(flags), IORING_SEND_ZC_REPORT_USAGE, slab);
  } else if (laboratory_.operation == OperationVariant::kRead) {
    io_uring_prep_write(sqe, file.number, block->data(), block->size(), 0);
    if (!request.wait && nowait_writes_) sqe->rw_flags = RWF_NOWAIT;
  } else {
    io_uring_prep_send(sqe, file.number, block->data(), block->size(), static_cast<int>(flags));
  }
  sqe->flags |= file_flags(file);
  sqe->user_data = token.bits;
}

void UringBackend::send_gathered(Token token, File file, const SendRequest& request,
                                 unsigned flags) noexcept {
  io_uring_sqe* sqe = ring_->entry();
  Gather& parts = gather(request);
  if (laboratory_.operation == OperationVariant::kReadv) {
    io_uring_prep_writev(sqe, file.number, parts.parts.data(), request.blocks, 0);
    if (!request.wait && nowait_writes_) sqe->rw_flags = RWF_NOWAIT;
  } else {
    io_uring_prep_sendmsg(sqe, file.number, &parts.message, flags);
  }
  sqe->flags |= file_flags(file);
  sqe->user_data = token.bits;
}

// As many records as there are entries: when one comes round again, its entry was handed over.
UringBackend::Gather& UringBackend::gather(const SendRequest& request) noexcept {
  Gather& gathered = gathers_[next_gather_];
  next_gather_ = (next_gather_ + 1) % gathers_.size();
  const Block* block = request.first;
  for (std::uint32_t i = 0; i < request.blocks; ++i, block = block->next) {
    gathered.parts[i] = {block->data(), block->size()};
  }
  gathered.message = {};
  gathered.message.msg_iov = gathered.parts.data();
  gathered.message.msg_iovlen = request.blocks;
  return gathered;
}

void UringBackend::poll(Token token, int fd) { poll_for(token, fd, POLLIN); }

void UringBackend::poll_for(Token token, int fd, unsigned events) noexcept {
  io_uring_sqe* sqe = ring_->entry();
  io_uring_prep_poll_add(sqe, fd, events);
  sqe->user_data = token.bits;
}

void UringBackend::cancel(Token token, File file) {
  const bool maybe_linked = token.op() == Op::kReceive &&
                            laboratory_.receive == ReceiveMode::kPollFirst &&
                            laboratory_.operation != OperationVariant::kRecv;
  if (maybe_linked) cancel(linked_poll(token), file);  // the receive itself has not begun yet
  io_uring_sqe* sqe = ring_->entry();
  io_uring_prep_cancel64(sqe, token.bits, IORING_ASYNC_CANCEL_ALL);
  sqe->user_data = 0;  // its own completion says nothing of interest
}

void UringBackend::close(File file) {
  io_uring_sqe* sqe = ring_->entry();
  if (file.direct) {
    io_uring_prep_close_direct(sqe, static_cast<unsigned>(file.number));
  } else {
    io_uring_prep_close(sqe, file.number);
  }
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = 0;
}

File UringBackend::adopt(int fd) {
  // read and write would give -EAGAIN on a non-blocking file instead of waiting for it.
  os::set_blocking(fd);
  return {fd, false};
}

Result<File> UringBackend::open_for_connect(const Address& address, const ConnectOptions& options) {
  auto fd = os::connect_socket(address, options, os::Blocking::kYes);
  if (!fd) return std::unexpected(fd.error());
  return File{fd->release(), false};
}

int UringBackend::accept_now(int listening_fd) {
  return os::accept_now(listening_fd, os::Blocking::kYes);
}

void UringBackend::wait(std::uint64_t wait_ns) {
  for (auto& group : groups_) {
    if (group != nullptr) group->refill();
  }
  ring_->submit_and_wait(wait_ns);
  if (!laboratory_.submission_thread) next_gather_ = next_connecting_ = 0;  // all handed over
  counters_.waits.add();
  if (ring_->overflowed()) counters_.completion_overflows.add();
}

// In place, and one store at the end. Bounded by the size of the queue.
void UringBackend::dispatch(CompletionSink& sink) {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(ring_->raw(), head, cqe) {
    sink.complete(translate(*cqe));
    ++count;
  }
  io_uring_cq_advance(ring_->raw(), count);
}

Completion UringBackend::translate(const io_uring_cqe& cqe) noexcept {
  Completion completion;
  completion.token = Token(cqe.user_data);
  completion.more = (cqe.flags & IORING_CQE_F_MORE) != 0;
  completion.notified = (cqe.flags & IORING_CQE_F_NOTIF) != 0;
  if (completion.notified) {
    completion.copied = (static_cast<unsigned>(cqe.res) & IORING_NOTIF_USAGE_ZC_COPIED) != 0;
    return completion;
  }
  if (cqe.res >= 0) {
    completion.result = cqe.res;
  } else {
    completion.error = errc_from_errno(-cqe.res);
  }
  const bool writes = laboratory_.operation == OperationVariant::kRead ||
                      laboratory_.operation == OperationVariant::kReadv;
  if (cqe.res == -EOPNOTSUPP && writes && completion.token.op() == Op::kSend) {
    nowait_writes_ = false;  // older kernels do not take that flag for a socket
    completion.error = Errc::kWouldBlock;
  }
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) take_buffer(cqe, completion);
  if (cqe.res == -ENOBUFS && completion.token.op() == Op::kReceive) {
    for (auto& group : groups_) {
      if (group != nullptr) group->ran_dry();
    }
  }
  return completion;
}

void UringBackend::take_buffer(const io_uring_cqe& cqe, Completion& completion) noexcept {
  const BufferId id(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
  const auto bytes = static_cast<std::uint32_t>(std::max(cqe.res, 0));
  Block* block = groups_[id.group()]->filled(id.index(), bytes);
  if (bytes > 0) {
    completion.block = block;
  } else {
    detail::release(block);  // an end or an error that used up a buffer all the same
  }
}

std::size_t UringBackend::spare_buffers(BufferGroup group) const noexcept {
  return groups_[static_cast<std::size_t>(group)]->spare();
}

void UringBackend::trim() noexcept {
  for (auto& group : groups_) {
    if (group != nullptr) group->trim();
  }
}

std::size_t UringBackend::pool_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const auto& group : groups_) bytes += group == nullptr ? 0 : group->pool().held_bytes();
  return bytes;
}

}  // namespace ouro::engine

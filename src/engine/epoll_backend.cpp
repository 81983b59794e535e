#include "engine/epoll_backend.h"

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "engine/receive_policy.h"
#include "os/socket.h"

namespace ouro::engine {
namespace {

constexpr std::size_t kBuffer = ReceivePolicy::kCreditAlone;
constexpr std::size_t kBuffersMax = 512;
constexpr int kServedInTurn = 256;
// Places for descriptors, so that their table never has to move: there may be no memory then.
constexpr std::size_t kFilesReserved = std::size_t{1} << 20;
constexpr std::uint32_t kConnectionEvents = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;

std::size_t or_default(std::size_t wish, std::size_t normal) noexcept {
  return wish == 0 ? normal : wish;
}

// For room in the socket, or for memory of the kernel.
bool must_wait(int result) noexcept {
  return result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM;
}

Result<void> check_laboratory(const LaboratoryOptions& options) {
  if (options.zero_copy == ZeroCopy::kOn) {
    return fail(Errc::kUnsupported, "zero-copy send needs the io_uring engine");
  }
  if (options.fixed_files) {
    return fail(Errc::kUnsupported, "fixed files need the io_uring engine");
  }
  if (options.submission_thread) {
    return fail(Errc::kUnsupported, "a submission thread needs the io_uring engine");
  }
  if (options.task_run != TaskRun::kDefer) {
    return fail(Errc::kUnsupported, "task-run modes need the io_uring engine");
  }
  if (options.receive == ReceiveMode::kPollFirst || options.receive == ReceiveMode::kMultishot) {
    return fail(Errc::kUnsupported, "receive modes other than single need the io_uring engine");
  }
  if (options.accept == AcceptMode::kMultishot) {
    return fail(Errc::kUnsupported, "multishot accept needs the io_uring engine");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Backend>> EpollBackend::create(const WorkerOptions& options,
                                                      Counters& counters) {
  if (auto possible = check_laboratory(options.laboratory); !possible) {
    return std::unexpected(possible.error());
  }
  std::unique_ptr<EpollBackend> backend(new EpollBackend(options, counters));
  if (!backend->epoll_.valid()) return fail(Errc::kNoDescriptors, "cannot make an epoll instance");
  if (!backend->pool_.prepare()) return fail(Errc::kNoMemory, "no memory for receive buffers");
  return backend;
}

EpollBackend::EpollBackend(const WorkerOptions& options, Counters& counters)
    : variant_(options.laboratory.operation),
      counters_(counters),
      pool_(or_default(options.laboratory.buffer_bytes, kBuffer),
            or_default(options.laboratory.buffer_count_max, kBuffersMax)) {
  files_.reserve(std::min(os::open_files_max(), kFilesReserved));
  traits_.name = "epoll";
  traits_.multishot_receive = true;
  traits_.receive_limit = true;
  traits_.ready_only = traits_.ready_once = true;
}

EpollFile& EpollBackend::file_of(int fd) {
  const auto number = static_cast<std::size_t>(fd);
  if (number >= files_.size()) files_.resize(number + 1);
  if (files_[number] == nullptr) {
    files_[number] = std::make_unique<EpollFile>();
    files_[number]->fd = fd;
  }
  return *files_[number];
}

bool EpollBackend::watch_for(EpollFile& file, std::uint32_t events, Asking asking) {
  const std::uint64_t key = std::uint64_t{file.generation} << 32 | static_cast<unsigned>(file.fd);
  int result = 0;
  if (file.events == 0) {
    result = epoll_.add(file.fd, events, key);
  } else if (file.events != events || asking == Asking::kAnew || (events & EPOLLONESHOT) != 0) {
    result = epoll_.modify(file.fd, events, key);
  }
  if (result == 0) file.events = events;
  return result == 0;
}

void EpollBackend::forget(EpollFile& file) noexcept {
  OURO_CHECK(!file.receiving && !file.sending && !file.connecting && !file.polling);
  file.unlink();
  const int fd = file.fd;
  const std::uint32_t generation = file.generation + 1;
  file = EpollFile{};
  file.fd = fd;
  file.generation = generation;
}

void EpollBackend::make_ready(EpollFile& file) noexcept {
  if (file.linked()) return;
  (file.accept_token.op() == Op::kAccept ? ready_listeners_ : ready_).push_back(file);
}

void EpollBackend::complete_later(Token token, int result_or_error) {
  Completion completion;
  completion.token = token;
  if (result_or_error < 0) {
    completion.error = errc_from_errno(-result_or_error);
  } else {
    completion.result = result_or_error;
  }
  queued_.push_back(completion);
}

void EpollBackend::accept(Token token, File listener) {
  EpollFile& file = file_of(listener.number);
  if (file.accepts == 0 && file.events == 0) file.drain_to_end = os::is_unix(file.fd);
  file.accept_token = token;
  // By level: a backlog that is not worked off shows itself again.
  if (!watch_for(file, EPOLLIN)) return complete_later(token, -ENOMEM);
  ++file.accepts;
  // But only behind all connections that are ready, and those may be thousands.
  if (file.readable) make_ready(file);
}

void EpollBackend::connect(Token token, File to, const Address& address) {
  EpollFile& file = file_of(to.number);
  const int result = os::connect_now(file.fd, address);
  if (result != -EINPROGRESS) return complete_later(token, result);
  file.connecting = true;
  file.connect_token = token;
  file.writable = false;
  if (watch_for(file, kConnectionEvents | EPOLLOUT)) return;
  file.connecting = false;
  complete_later(token, -ENOMEM);
}

void EpollBackend::receive(Token token, File from, const ReceiveRequest& request) {
  EpollFile& file = file_of(from.number);
  OURO_CHECK(!file.receiving);
  file.receiving = true;
  file.receive_token = token;
  file.receive = request;
  // An edge will tell. But none tells of what is behind urgent data.
  if (request.ready_only && request.dry) file.readable = false;
  const bool anew = request.ready_only && request.dry && file.drain_to_end;
  // Not before: a fresh connection may be passed to another worker, and a registration would
  // outlive our descriptor.
  const auto events = kConnectionEvents | (file.events & EPOLLOUT);  // a send may wait for room
  if ((file.events == 0 || anew) && !watch_for(file, events, Asking::kAnew)) {
    file.receiving = false;
    return complete_later(token, -ENOMEM);
  }
  if (file.readable) make_ready(file);
}

void EpollBackend::send(Token token, File to, const SendRequest& request) {
  EpollFile& file = file_of(to.number);
  OURO_CHECK(!file.sending);
  if (request.ready_only) return await_room(token, file, request);
  int count = -EAGAIN;
  if (file.writable || !request.wait) {
    count = try_send(file, request);
    if (!must_wait(count) || !request.wait) return complete_later(token, count);
  }
  file.sending = true;
  file.send_token = token;
  file.send = request;
  wait_for_room(file, count);
}

void EpollBackend::await_room(Token token, EpollFile& file, const SendRequest& request) {
  file.sending = true;
  file.send_token = token;
  file.send = request;
  file.writable = false;
  wait_for_room(file, request.full ? -EAGAIN : -ENOMEM);
}

// No edge tells that the kernel has memory again. But asking anew is answered at once, since the
// socket has room, and so each turn tries once.
void EpollBackend::wait_for_room(EpollFile& file, int why) {
  const Asking asking = why == -EAGAIN ? Asking::kOnce : Asking::kAnew;
  if (watch_for(file, kConnectionEvents | EPOLLOUT, asking)) return;
  file.sending = false;
  complete_later(file.send_token, -ECONNABORTED);
}

int EpollBackend::try_send(EpollFile& file, const SendRequest& request) noexcept {
  std::array<iovec, kSendBlocksMax> parts;
  int wanted = 0;
  const Block* block = request.first;
  for (std::uint32_t i = 0; i < request.blocks; ++i, block = block->next) {
    parts[i] = {block->data(), block->size()};
    wanted += static_cast<int>(block->size());
  }
  const int count = os::send_now(file.fd, {parts.data(), request.blocks}, variant_);
  // An edge will tell when there is room again.
  if (count == -EAGAIN || (count >= 0 && count < wanted)) file.writable = false;
  return count;
}

void EpollBackend::poll(Token token, int fd) {
  EpollFile& file = file_of(fd);
  OURO_CHECK(!file.polling);  // one watch a descriptor
  file.polling = true;
  file.poll_token = token;
  if (watch_for(file, EPOLLIN | EPOLLONESHOT)) return;
  file.readable = true;  // a plain file: epoll does not take it, and it can always be read
  make_ready(file);
}

void EpollBackend::cancel(Token token, File of) {
  EpollFile& file = file_of(of.number);
  const auto withdraw = [&](bool& under_way, Token named) {
    if (!under_way || named.bits != token.bits) return false;
    under_way = false;
    complete_later(token, -ECANCELED);
    return true;
  };
  withdraw(file.receiving, file.receive_token);
  withdraw(file.sending, file.send_token);
  withdraw(file.connecting, file.connect_token);
  if (withdraw(file.polling, file.poll_token)) {
    epoll_.remove(file.fd);  // its owner may close it now without telling
    forget(file);
  } else if (file.accepts > 0 && file.accept_token.bits == token.bits) {
    for (; file.accepts > 0; --file.accepts) complete_later(token, -ECANCELED);
  }
}

void EpollBackend::close(File closing) {
  EpollFile& file = file_of(closing.number);
  // Another process may hold the same listening socket open, and then closing our descriptor would
  // leave it among what is watched: to wake us for the other's clients, and to be refused when it
  // comes back.
  if (file.accept_token.op() == Op::kAccept && file.events != 0) epoll_.remove(file.fd);
  forget(file);
  os::close_now(closing.number);
}

Result<File> EpollBackend::open_for_connect(const Address& address, const ConnectOptions& options) {
  auto fd = os::connect_socket(address, options);
  if (!fd) return std::unexpected(fd.error());
  EpollFile& file = file_of(fd->get());
  forget(file);
  file.drain_to_end = address.is_unix();
  return File{fd->release(), false};
}

File EpollBackend::adopt(int fd) {
  os::set_nonblocking(fd);
  EpollFile& file = file_of(fd);
  forget(file);
  file.drain_to_end = os::is_unix(fd);
  return {fd, false};
}

int EpollBackend::accept_now(int listening_fd) {
  const int fd = os::accept_now(listening_fd, os::Blocking::kNo);
  if (fd < 0) return fd;
  const bool drain_to_end = file_of(listening_fd).drain_to_end;
  EpollFile& file = file_of(fd);
  forget(file);
  file.drain_to_end = drain_to_end;
  return fd;
}

void EpollBackend::wait(std::uint64_t wait_ns) {
  if (!ready_.empty() || !ready_listeners_.empty() || !queued_.empty()) wait_ns = 0;
  const std::size_t count = epoll_.wait(events_, wait_ns);
  counters_.waits.add();
  for (std::size_t i = 0; i < count; ++i) note(events_[i]);
}

void EpollBackend::note(const epoll_event& event) {
  EpollFile& file = file_of(static_cast<int>(event.data.u64 & 0xffffffffu));
  if (file.generation != event.data.u64 >> 32) return;
  constexpr std::uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((event.events & (EPOLLIN | kEnd)) != 0) file.readable = true;
  if ((event.events & kEnd) != 0) file.hung_up = true;
  if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) file.writable = true;
  // A receive stops at urgent data, and no edge tells of what is behind it.
  if ((event.events & EPOLLPRI) != 0) file.drain_to_end = true;
  make_ready(file);
}

// Only what is ready now: a connection that becomes ready again waits until all had their turn. And
// not too many, or windows would be kept to too late.
void EpollBackend::dispatch(CompletionSink& sink) {
  complete_queued(sink);
  IntrusiveList<EpollFile> now;
  ready_listeners_.move_all_to(now);
  for (int i = 0; i < kServedInTurn && !ready_.empty(); ++i) now.push_back(*ready_.pop_front());
  while (EpollFile* file = now.pop_front()) {
    serve(*file, sink);
    complete_queued(sink);
  }
}

void EpollBackend::complete_queued(CompletionSink& sink) {
  for (std::size_t i = 0; i < queued_.size(); ++i) {
    const Completion completion = queued_[i];  // the vector may grow meanwhile
    sink.complete(completion);
  }
  queued_.clear();
}

void EpollBackend::serve(EpollFile& file, CompletionSink& sink) {
  if (file.polling && file.readable) {
    file.polling = file.readable = false;
    return complete_later(file.poll_token, 0);
  }
  if (file.accept_token.op() == Op::kAccept) return serve_accepts(file);
  if (file.connecting && file.writable) serve_connect(file);
  if (file.sending && file.writable) serve_send(file);
  if (file.receiving && file.readable) serve_receive(file, sink);
}

void EpollBackend::serve_accepts(EpollFile& file) {
  if (file.accepts == 0) {
    watch_for(file, EPOLLONESHOT);  // nobody wants any: be quiet
    return;
  }
  while (file.accepts > 0) {
    const int fd = accept_now(file.fd);
    file.readable = fd >= 0;
    if (fd == -EAGAIN) return;
    --file.accepts;
    complete_later(file.accept_token, fd);
    if (fd < 0) {
      // Out of descriptors most likely: the others under way would fail alike, in a circle.
      for (; file.accepts > 0; --file.accepts) complete_later(file.accept_token, fd);
      return;
    }
  }
}

void EpollBackend::serve_connect(EpollFile& file) {
  file.connecting = false;
  complete_later(file.connect_token, -os::pending_error(file.fd));
}

void EpollBackend::serve_send(EpollFile& file) {
  if (file.send.ready_only) {
    file.sending = false;
    return complete_later(file.send_token, 0);
  }
  const int count = try_send(file, file.send);
  if (count == -EAGAIN) return;
  if (must_wait(count)) return wait_for_room(file, count);
  file.sending = false;
  complete_later(file.send_token, count);
}

void EpollBackend::serve_receive(EpollFile& file, CompletionSink& sink) {
  if (file.receive.ready_only) {
    file.receiving = false;
    return complete_later(file.receive_token, 0);
  }
  Block* block = pool_.take();
  if (block == nullptr) {
    file.receiving = false;
    return complete_later(file.receive_token, -ENOBUFS);
  }
  const auto room = static_cast<std::uint32_t>(pool_.block_bytes());
  const std::uint32_t wanted = std::min(room, file.receive.credit);
  const int count = os::receive_now(file.fd, {block->memory, wanted}, variant_);
  if (count == -EAGAIN) {
    file.readable = false;
    return detail::release(block);
  }
  received(file, block, wanted, count, sink);
}

void EpollBackend::received(EpollFile& file, Block* block, std::uint32_t wanted, int count,
                            CompletionSink& sink) {
  if (count <= 0) {
    detail::release(block);
    file.receiving = false;
    return complete_later(file.receive_token, count);
  }
  const auto bytes = static_cast<std::uint32_t>(count);
  block->end = bytes;
  file.receive.credit -= bytes;
  file.receiving = file.receive.multishot && file.receive.credit > 0;
  // Less than there was room for: the socket is empty, and what comes next raises a new edge.
  if (bytes < wanted && !file.hung_up && !file.drain_to_end) file.readable = false;
  if (file.receiving && file.readable) make_ready(file);
  Completion completion;
  completion.token = file.receive_token;
  completion.result = count;
  completion.block = block;
  completion.more = file.receiving;
  sink.complete(completion);
}

}  // namespace ouro::engine

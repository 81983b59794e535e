#include "sim/sim_backend.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <ranges>

#include "sim/stream_bytes.h"

namespace ouro::sim {

using engine::Block;
using engine::BufferGroup;
using engine::Completion;
using engine::File;
using engine::Op;
using engine::ReceiveRequest;
using engine::SendRequest;
using engine::Token;

namespace {

constexpr std::size_t kSmallBuffer = 4096;
constexpr std::uint64_t kTurnNs = 2 * kMicrosecond;
constexpr std::uint64_t kCompletionNs = kMicrosecond;

int errno_of(Errc error) {
  switch (error) {
    case Errc::kReset:
      return ECONNABORTED;
    case Errc::kNoDescriptors:
      return EMFILE;
    case Errc::kNoMemory:
      return ENOMEM;
    case Errc::kPermission:
      return EPERM;
    default:
      return EPROTO;
  }
}

}  // namespace

SimBackend::SimBackend(World& world, const engine::BackendTraits& traits, std::size_t buffer_bytes,
                       std::size_t buffers)
    : world_(world), traits_(traits) {
  const std::size_t sizes[] = {buffer_bytes, kSmallBuffer, buffer_bytes};
  for (const std::size_t size : sizes) {
    pools_.push_back(std::make_unique<detail::BufferPool>(size, buffers));
  }
  if (traits.zero_copy) pool_of(BufferGroup::kZeroCopy).set_registered();
}

SimBackend::~SimBackend() {
  for (Completion& completion : completed_) {
    if (completion.block != nullptr) detail::release(completion.block);
  }
}

detail::BufferPool& SimBackend::pool_of(BufferGroup group) {
  return *pools_[static_cast<std::size_t>(group)];
}

SimBackend::SimFile& SimBackend::file(int number) {
  return files_[static_cast<std::size_t>(number - kFirstFile)];
}

// The lowest number that is free, as the kernel gives them out.
int SimBackend::place(std::shared_ptr<Wire> wire) {
  auto free = std::find_if(files_.begin(), files_.end(), [](SimFile& f) { return !f.open; });
  if (free == files_.end()) free = files_.insert(free, SimFile{});
  *free = SimFile{};
  free->open = true;
  free->wire = std::move(wire);
  const int number = kFirstFile + static_cast<int>(free - files_.begin());
  if (free->wire != nullptr) {
    free->wire->here = [this, number] { progress(number); };
  }
  return number;
}

// What the engine asks for stands in a queue until it waits, and names its file by number.
void SimBackend::prepare(int number, std::function<void()> operation) {
  if (!file(number).open) return world_.fail("an operation on a file that is closed");
  ++file(number).prepared;
  prepared_.push_back([this, number, operation = std::move(operation)] {
    if (file(number).prepared > 0) --file(number).prepared;
    operation();
  });
}

// Most things are done at once, some take their time.
void SimBackend::soon(std::function<void()> what) {
  std::uint64_t ns = world_.between(0, 5 * kMicrosecond);
  if (world_.faults.strikes(Fault::late_completion, 10)) ns = world_.between(0, 20 * kMillisecond);
  world_.events.after(ns, std::move(what));
}

void SimBackend::complete(Token token, Errc error, int result, bool more, Block* block) {
  Completion completion;
  completion.token = token;
  completion.error = error;
  completion.result = result;
  completion.more = more;
  completion.block = block;
  completed_.push_back(completion);
}

void SimBackend::wait(std::uint64_t wait_ns) {
  Events& events = world_.events;
  events.spend(kTurnNs);
  std::vector<std::function<void()>> handed_over;
  handed_over.swap(prepared_);
  for (const auto& operation : handed_over) operation();
  const std::uint64_t now = events.now();
  const std::uint64_t limit = wait_ns > engine::kForever - now ? engine::kForever : now + wait_ns;
  events.run_due();
  while (completed_.empty() && events.now() < limit) {
    if (!events.advance_to(limit)) {
      stuck_ = true;
      return;
    }
    events.run_due();
  }
}

// Operations on one connection complete in their order; connections among each other need not.
void SimBackend::dispatch(engine::CompletionSink& sink) {
  std::vector<Completion> now;
  now.swap(completed_);
  if (now.size() > 1 && world_.faults.strikes(Fault::reordered, 3)) {
    std::map<std::uint32_t, std::uint64_t> place;
    for (const Completion& completion : now) {
      place.try_emplace(completion.token.slot(), world_.random.next());
    }
    std::multimap<std::uint64_t, Completion> in_order;
    for (const Completion& c : now) in_order.emplace(place[c.token.slot()], c);
    std::ranges::copy(in_order | std::views::values, now.begin());
  }
  if (now.size() > 2 && world_.faults.strikes(Fault::few_completions, 3)) {
    const auto kept = now.begin() + static_cast<std::ptrdiff_t>(world_.between(1, now.size() - 1));
    completed_.assign(kept, now.end());
    now.erase(kept, now.end());
  }
  for (const Completion& completion : now) {
    world_.events.spend(kCompletionNs);
    sink.complete(completion);
  }
}

std::size_t SimBackend::spare_buffers(BufferGroup group) const noexcept {
  return pools_[static_cast<std::size_t>(group)]->spare();
}

// ---- Accepting.

void SimBackend::knock(std::shared_ptr<Wire> wire) {
  if (!listening_) return wire->close(true);
  backlog_.push_back(std::move(wire));
  progress_accepts();
}

void SimBackend::accept(Token token, File) {
  prepared_.push_back([this, token] {
    accepts_.push_back(token);
    soon([this] { progress_accepts(); });
  });
}

void SimBackend::poll(Token token, int fd) {
  if (fd != kListener) {
    other_polls_.push_back(token);
    if (fd < kFirstWatched) return;  // the worker's own wake-up
    world_.events.after(world_.between(0, 20 * kMillisecond),
                        [this, token, fd] { watched_readable(token, fd); });
    return;
  }
  prepared_.push_back([this, token] {
    listener_poll_ = token;
    progress_accepts();
  });
}

void SimBackend::watched_readable(Token token, int fd) {
  const auto named = [&](const Token& other) { return other.bits == token.bits; };
  if (std::erase_if(other_polls_, named) == 0) return;  // withdrawn
  readable_.insert(fd);
  complete(token, Errc::kNone);
}

void SimBackend::progress_accepts() {
  if (backlog_.empty()) return;
  if (listener_poll_) {
    complete(*listener_poll_, world_.failure("poll", {Errc::kNoMemory}));
    listener_poll_.reset();
  }
  while (!accepts_.empty() && !backlog_.empty()) {
    const Token token = accepts_.front();
    accepts_.erase(accepts_.begin());
    const int result = accept_now(kListener);
    complete(token, result < 0 ? errc_from_errno(-result) : Errc::kNone, std::max(result, 0));
  }
}

Errc SimBackend::accept_error() {
  static constexpr std::initializer_list<Errc> kErrors = {
      Errc::kReset, Errc::kNoDescriptors, Errc::kNoMemory, Errc::kPermission, Errc::kUnexpected};
  if (world_.faults.strikes(Fault::accept_failed, 5)) {
    return kErrors.begin()[world_.random.next() % kErrors.size()];
  }
  return world_.failure("accept", kErrors);
}

int SimBackend::accept_now(int) {
  if (backlog_.empty()) return -EAGAIN;
  if (const Errc error = accept_error(); error != Errc::kNone) return -errno_of(error);
  const int number = place(backlog_.front());
  backlog_.erase(backlog_.begin());
  world_.trace("file %d: accepted stream %u", number, file(number).wire->stream);
  return number;
}

// ---- Connecting.

Result<engine::File> SimBackend::open_for_connect(const Address&, const ConnectOptions&) {
  Errc error = world_.failure("socket", {Errc::kNoDescriptors, Errc::kBadAddress});
  if (world_.faults.strikes(Fault::out_of_descriptors, 3)) error = Errc::kNoDescriptors;
  if (error != Errc::kNone) return fail(error, "simulated");
  return File{place(nullptr), false};
}

void SimBackend::connect(Token token, File of, const Address& address) {
  const int number = of.number;
  prepare(number, [this, token, number, port = address.port()] {
    file(number).connect = token;
    if (world_.faults.strikes(Fault::connect_failed, 6)) return;  // nobody will ever answer
    world_.events.after(world_.between(0, 30 * kMillisecond),
                        [this, token, number, port] { finish_connect(number, token, port); });
  });
}

void SimBackend::finish_connect(int number, Token token, std::uint16_t port) {
  SimFile& of = file(number);
  if (!of.connect || of.connect->bits != token.bits) return;
  of.connect.reset();
  Errc error = world_.failure(
      "connect", {Errc::kRefused, Errc::kTimedOut, Errc::kUnreachable, Errc::kNoMemory});
  if (world_.faults.strikes(Fault::connect_failed, 4)) error = Errc::kRefused;
  if (error != Errc::kNone) return complete(token, error);
  of.wire = dial_(port);
  of.wire->here = [this, number] { progress(number); };
  world_.trace("file %d: connected, stream %u", number, of.wire->stream);
  complete(token, Errc::kNone);
}

// ---- Receiving.

void SimBackend::receive(Token token, File of, const ReceiveRequest& request) {
  const int number = of.number;
  prepare(number, [this, token, number, request] {
    SimFile& receiver = file(number);
    if (receiver.receive) return world_.fail("two receives are under way on one file");
    if (request.credit == 0) return world_.fail("a receive of nothing");
    receiver.receive = Receive{token, request};
    soon([this, number] { progress_receive(number); });
  });
}

void SimBackend::progress(int number) {
  soon([this, number] {
    progress_receive(number);
    progress_send(number);
  });
}

// The connection lives on, and the operation may be asked for again.
bool SimBackend::is_passing(Errc error) {
  return error == Errc::kNoBuffers || error == Errc::kNoMemory || error == Errc::kWouldBlock;
}

void SimBackend::progress_receive(int number) {
  SimFile& of = file(number);
  if (!of.open || !of.receive) return;
  const Token token = of.receive->token;
  Wire& wire = *of.wire;
  if (!wire.reset_arrived && !wire.end_arrived && wire.unread() == 0) return;
  const Errc error = world_.failure("receive", {Errc::kReset, Errc::kTimedOut, Errc::kUnreachable,
                                                Errc::kNoBuffers, Errc::kWouldBlock});
  if (error != Errc::kNone) {
    of.receive.reset();
    if (!is_passing(error)) wire.break_down();
    return complete(token, error);
  }
  if (wire.unread() > 0) return take_bytes(number, of);
  of.receive.reset();
  complete(token, wire.reset_arrived ? Errc::kReset : Errc::kNone);
}

void SimBackend::take_bytes(int number, SimFile& of) {
  Receive& receive = *of.receive;
  Wire& wire = *of.wire;
  detail::BufferPool& pool = pool_of(receive.request.group);
  Block* block = world_.faults.strikes(Fault::no_buffers, 8) ? nullptr : pool.take();
  if (block == nullptr) {
    const Token token = receive.token;
    of.receive.reset();
    return complete(token, Errc::kNoBuffers);
  }
  const bool limited = traits_.receive_limit || !receive.request.multishot;
  std::uint64_t count = std::min<std::uint64_t>(wire.unread(), pool.block_bytes());
  if (limited) count = std::min<std::uint64_t>(count, receive.request.credit);
  if (world_.faults.strikes(Fault::short_receive, 3)) count = world_.between(1, count);
  stream_bytes(wire.stream, wire.taken, {block->memory, count});
  block->end = static_cast<std::uint32_t>(count);
  wire.take(count);
  if (limited) receive.request.credit -= static_cast<std::uint32_t>(count);
  bool more = receive.request.multishot && receive.request.credit > 0;
  if (more && world_.faults.strikes(Fault::multishot_ended, 6)) more = false;
  const Token token = receive.token;
  if (!more) of.receive.reset();
  complete(token, Errc::kNone, static_cast<int>(count), more, block);
  if (more) soon([this, number] { progress_receive(number); });
}

// ---- Sending.

void SimBackend::send(Token token, File of, const SendRequest& request) {
  const int number = of.number;
  prepare(number, [this, token, number, request] {
    SimFile& sender = file(number);
    if (sender.send) return world_.fail("two sends are under way on one file");
    sender.send = Send{token, request};
    if (world_.one_in(2)) return progress_send(number);
    soon([this, number] { progress_send(number); });
  });
}

void SimBackend::progress_send(int number) {
  SimFile& of = file(number);
  if (!of.open || !of.send) return;
  Wire& wire = *of.wire;
  const Send under_way = *of.send;
  const std::uint64_t room = wire.room();
  if (!wire.reset_arrived && room == 0 && under_way.request.wait) return;
  of.send.reset();
  const Errc error = world_.failure("send", {Errc::kReset, Errc::kTimedOut, Errc::kUnreachable,
                                             Errc::kNoMemory, Errc::kNoBuffers, Errc::kWouldBlock});
  if (error != Errc::kNone) {
    if (!is_passing(error)) wire.break_down();
    return complete(under_way.token, error);
  }
  if (wire.reset_arrived) return complete(under_way.token, Errc::kReset);
  if (room == 0) return complete(under_way.token, Errc::kWouldBlock);
  if (world_.faults.strikes(Fault::send_failed, 12)) {
    return complete(under_way.token, world_.one_in(2) ? Errc::kNoMemory : Errc::kNoBuffers);
  }
  std::uint64_t count = 0;
  const Block* block = under_way.request.first;
  for (std::uint32_t i = 0; i < under_way.request.blocks; ++i, block = block->next) {
    count += block->size();
  }
  count = std::min(count, room);
  if (world_.faults.strikes(Fault::short_send, 3)) count = world_.between(1, count);
  copy_and_send(of, under_way, count);
}

void SimBackend::copy_and_send(SimFile& of, Send under_way, std::uint64_t count) {
  Wire& wire = *of.wire;
  if (wire.shut_here) world_.fail("a send after the end of sending");
  const std::uint64_t first = wire.sent;
  check_bytes(wire, under_way.request, first, count);
  wire.send(count);
  complete(under_way.token, Errc::kNone, static_cast<int>(count), under_way.request.zero_copy);
  if (!under_way.request.zero_copy) return;
  ++held_;
  std::uint64_t ns = world_.between(0, kMillisecond);
  if (world_.faults.strikes(Fault::zero_copy_late, 4)) ns = world_.between(0, 300 * kMillisecond);
  // The kernel reads the memory until it says so: what it reads last must be right too. The list of
  // blocks is the engine's, and may have moved on: the place is remembered.
  const std::byte* bytes = under_way.request.first->data();
  const bool copied = world_.one_in(50);
  world_.events.after(
      ns, [this, bytes, count, first, copied, stream = wire.stream, token = under_way.token] {
        if (!stream_matches(stream, first, {bytes, count})) {
          world_.fail("memory of a zero-copy send changed before it was given back");
        }
        --held_;
        Completion completion;
        completion.token = token;
        completion.notified = true;
        completion.copied = copied;
        completed_.push_back(completion);
      });
}

void SimBackend::check_bytes(Wire& wire, const SendRequest& request, std::uint64_t first,
                             std::uint64_t count) {
  const Block* block = request.first;
  if (wire.stream == kUnknownStream) {
    const auto known = world_.first_bytes.find(*block->data());
    if (known == world_.first_bytes.end()) return world_.fail("sent what nobody has said");
    wire.stream = known->second;
  }
  for (std::uint64_t done = 0; done < count; block = block->next) {
    const std::uint64_t size = std::min<std::uint64_t>(block->size(), count - done);
    if (!stream_matches(wire.stream, first + done, {block->data(), size})) {
      return world_.fail("stream " + std::to_string(wire.stream) +
                         ": sent wrong bytes from offset " + std::to_string(first + done) + " on");
    }
    done += size;
  }
}

// ---- Ends.

void SimBackend::cancel(Token token, File of) {
  const int number = of.number;
  prepared_.push_back(
      [this, token, number] { soon([this, token, number] { withdraw(number, token); }); });
}

void SimBackend::withdraw(int number, Token token) {
  const auto named = [&](const Token& other) { return other.bits == token.bits; };
  if (number == kListener) {
    const auto count = std::erase_if(accepts_, named);
    for (std::size_t i = 0; i < count; ++i) complete(token, Errc::kCancelled);
    if (listener_poll_ && named(*listener_poll_)) {
      listener_poll_.reset();
      complete(token, Errc::kCancelled);
    }
    return;
  }
  if (token.op() == Op::kPoll) {
    if (std::erase_if(other_polls_, named) > 0) complete(token, Errc::kCancelled);
    return;
  }
  SimFile& named_file = file(number);
  if (named_file.receive && named(named_file.receive->token)) {
    named_file.receive.reset();
    complete(token, Errc::kCancelled);
  }
  if (named_file.send && named(named_file.send->token)) {
    named_file.send.reset();
    complete(token, Errc::kCancelled);
  }
  if (named_file.connect && named(*named_file.connect)) {
    named_file.connect.reset();
    complete(token, Errc::kCancelled);
  }
}

void SimBackend::close(File of) {
  if (of.number == kListener) {
    listening_ = false;
    for (const auto& wire : backlog_) wire->close(true);
    return backlog_.clear();
  }
  SimFile& closing = file(of.number);
  if (!closing.open) return world_.fail("a file is closed twice");
  if (closing.prepared > 0 || closing.receive || closing.send || closing.connect) {
    world_.fail("a file is closed while an operation of it is under way");
  }
  world_.trace("file %d: closed%s", of.number, closing.reset_on_close ? " with a reset" : "");
  closing.open = false;
  if (closing.wire != nullptr) closing.wire->close(closing.reset_on_close);
  closing.wire.reset();
}

void SimBackend::shutdown_write(File of) noexcept {
  if (of.direct) return world_.fail("a fixed file cannot be half-closed");
  SimFile& ending = file(of.number);
  if (ending.send) world_.fail("the end of sending overtakes a send");
  if (ending.wire != nullptr && !ending.wire->reset_arrived) ending.wire->shut();
}

void SimBackend::reset_on_close(File of) noexcept { file(of.number).reset_on_close = true; }

std::size_t SimBackend::unread_bytes(File of) noexcept {
  const SimFile& asked = file(of.number);
  return asked.wire == nullptr ? 0 : asked.wire->unread();
}

std::size_t SimBackend::unacknowledged_bytes(File of) noexcept {
  const SimFile& asked = file(of.number);
  if (asked.wire == nullptr || asked.wire->reset_arrived) return 0;
  return asked.wire->sent - asked.wire->reached;
}

Address SimBackend::peer_address(File) noexcept {
  static const Address far_away = *Address::parse("192.0.2.1:1024");
  return far_away;
}

std::string SimBackend::left_behind() const {
  std::string text;
  const auto open = std::ranges::count_if(files_, [](const SimFile& f) { return f.open; });
  if (open > 0) text += std::to_string(open) + " open files ";
  for (const auto& pool : pools_) {
    if (pool->used() > 0) text += std::to_string(pool->used()) + " buffers ";
  }
  if (held_ > 0) text += "zero-copy sends ";
  return text;
}

}  // namespace ouro::sim

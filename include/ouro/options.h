// The settings of a worker. Every field has a default that is right for most programs; the
// laboratory ones exist to measure why.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ouro/address.h"

namespace ouro {

struct Counters;

// Which kernel interface does the input and output.
enum class EngineChoice : std::uint8_t { kAuto, kUring, kEpoll };

// How bytes are received. kAuto is what measured best on the kernel in use.
enum class ReceiveMode : std::uint8_t { kAuto, kMultishot, kSingle, kPollFirst };

// Which call moves the bytes: recv/send, read/write, recvmsg/sendmsg or readv/writev.
enum class OperationVariant : std::uint8_t { kRecv, kRead, kRecvmsg, kReadv };

enum class ZeroCopy : std::uint8_t { kAuto, kOn, kOff };

// When io_uring runs the completion work: deferred to the wait, cooperatively, or at any time.
enum class TaskRun : std::uint8_t { kDefer, kCooperative, kNone };

// How connections are accepted. kPoll waits until there are some and then takes them; the others
// leave operations under way in the kernel, which take newcomers along when the process is killed.
// kAuto is kPoll, and kSingle with fixed files.
enum class AcceptMode : std::uint8_t { kAuto, kPoll, kSingle, kMultishot };

// Knobs for experiments. Asking for what the engine or kernel cannot do fails Worker::create.
struct LaboratoryOptions {
  ReceiveMode receive = ReceiveMode::kAuto;
  OperationVariant operation = OperationVariant::kRecv;
  ZeroCopy zero_copy = ZeroCopy::kAuto;
  TaskRun task_run = TaskRun::kDefer;
  bool fixed_files = false;        // then Connection::finish() closes, as half-closing cannot be
  bool submission_thread = false;  // SQPOLL
  AcceptMode accept = AcceptMode::kAuto;
  bool restrictions = true;          // the ring may do only what is in use
  std::size_t buffer_bytes = 0;      // 0: 60 KiB
  std::size_t buffer_count_max = 0;  // 0: 512
};

struct WorkerOptions {
  EngineChoice engine = EngineChoice::kAuto;
  // Unsent bytes at which a connection stops receiving.
  std::size_t window_bytes = std::size_t{256} << 10;
  // Memory for what slow peers have not taken, over all connections. Nearing it shrinks windows.
  std::size_t unsent_bytes_max = std::size_t{256} << 20;
  // Connections idle for longer are closed; zero: never.
  std::chrono::milliseconds idle_timeout{0};
  // Live connections of this worker at which it stops accepting; those it made itself do not count.
  std::size_t connections_max = 1 << 20;
  // Where to count; null: the worker has its own.
  Counters* counters = nullptr;
  LaboratoryOptions laboratory;
};

// How to connect, and what the connection is like.
struct ConnectOptions {
  std::chrono::milliseconds timeout{std::chrono::seconds{10}};
  // Where to connect from; none: the system chooses. Port 0: any.
  Address source{};
  // Of a range of ports to connect from (both included); 0: the system's.
  std::uint16_t source_port_first = 0;
  std::uint16_t source_port_last = 0;
  std::chrono::seconds keepalive_idle{0};  // zero: no TCP keepalive
  unsigned kernel_unsent_bytes = 0;        // as in ListenOptions
};

// Settings of a listening socket, inherited by what it accepts.
struct ListenOptions {
  int backlog = 4096;
  bool reuse_port = false;                    // several sockets share the address
  bool probe = true;                          // refuse an address another program serves
  std::chrono::seconds keepalive_idle{120};   // zero: no TCP keepalive
  std::chrono::milliseconds user_timeout{0};  // TCP_USER_TIMEOUT; zero: the system's
  // What the kernel may hold that it has not sent yet (TCP_NOTSENT_LOWAT); zero: megabytes. Bytes
  // on their way to a distant peer do not count, so a long fat network loses nothing.
  unsigned kernel_unsent_bytes = 256u << 10;
  unsigned unix_mode = 0666;  // permissions of a Unix socket
};

}  // namespace ouro

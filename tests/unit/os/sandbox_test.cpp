// Each thing that the sandbox forbids is tried from inside, in a child.
#include "os/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <string>

#include "base/sanitized.h"
#include "os/landlock.h"
#include "os/process.h"
#include "os/ring.h"
#include "os/seccomp.h"
#include "support/child_process.h"

namespace ouro::os {
namespace {

using test::run_in_child;

// What a child that could not even be prepared ends with; no errno is as large.
constexpr int kNotPrepared = 255;
constexpr int kEndedBySigsys = 128 + SIGSYS;

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "sanitizers make calls that the sandbox forbids";
  }
};

class Landlock : public Sandbox {};

// The errno of `attempt` in a process that has entered the sandbox; 0: it could do it.
int errno_inside(const std::function<long()>& attempt, bool uring = true) {
  return run_in_child([&] {
    const auto layers = enter_sandbox({.uring = uring});
    if (!std::ranges::all_of(layers, &SandboxLayer::in_force)) return kNotPrepared;
    return attempt() < 0 ? errno : 0;
  });
}

// The same behind Landlock alone; seccomp would say no before it.
int errno_behind_landlock(int least_version, const std::function<long()>& attempt) {
  return run_in_child([&] {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return kNotPrepared;
    const auto version = forbid_files_ports_signals(false);
    if (!version) return kNotPrepared;
    if (*version < least_version) return EACCES;
    return attempt() < 0 ? errno : 0;
  });
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <typename Call>
long with_address(const Call& call, std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  return call(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

TEST_F(Sandbox, opens_no_file) {
  EXPECT_EQ(errno_inside([] { return open("/etc/passwd", O_RDONLY); }), EPERM);
  EXPECT_EQ(errno_inside([] { return open("/dev/null", O_WRONLY); }), EPERM);
  EXPECT_EQ(errno_inside([] { return syscall(SYS_open, "/etc/passwd", O_RDONLY); }), EPERM);
  EXPECT_EQ(errno_inside([] { return mkdir("/tmp/ouro_sandbox", 0700); }), EPERM);
  EXPECT_EQ(errno_inside([] { return unlink("/tmp/ouro_sandbox"); }), EPERM);
}

TEST_F(Sandbox, runs_no_program) {
  const auto run = [] { return execl("/bin/true", "true", nullptr); };
  EXPECT_EQ(errno_inside(run), kEndedBySigsys);
  EXPECT_EQ(errno_inside([] { return fork(); }), EPERM);
  EXPECT_EQ(errno_inside([] { return vfork(); }), EPERM);
}

TEST_F(Sandbox, looks_into_no_other_process) {
  EXPECT_EQ(errno_inside([] { return ptrace(PTRACE_ATTACH, getppid(), 0, 0); }), kEndedBySigsys);
  EXPECT_EQ(errno_inside([] { return ptrace(PTRACE_TRACEME, 0, 0, 0); }), kEndedBySigsys);
  const auto peek = [] {
    char byte = 0;
    iovec here{&byte, 1};
    iovec there{&byte, 1};
    return process_vm_readv(getppid(), &here, 1, &there, 1, 0);
  };
  EXPECT_EQ(errno_inside(peek), kEndedBySigsys);
}

TEST_F(Sandbox, makes_no_further_ring) {
  const auto set_up = [] {
    io_uring_params parameters{};
    return syscall(SYS_io_uring_setup, 4, &parameters);
  };
  EXPECT_EQ(errno_inside(set_up), EPERM);
  EXPECT_EQ(errno_inside([] { return syscall(SYS_io_uring_register, 0, 0, 0, 0); }), EPERM);
  const auto enter = [] { return syscall(SYS_io_uring_enter, -1, 0, 0, 0, nullptr, 0); };
  EXPECT_EQ(errno_inside(enter), EBADF);  // it may, were there a ring
  EXPECT_EQ(errno_inside(enter, false), EPERM);
}

TEST_F(Sandbox, makes_no_socket) {
  EXPECT_EQ(errno_inside([] { return socket(AF_INET, SOCK_STREAM, 0); }), EPERM);
  EXPECT_EQ(errno_inside([] { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }), EPERM);
  EXPECT_EQ(errno_inside([] { return socket(AF_NETLINK, SOCK_RAW, 0); }), EPERM);
}

TEST_F(Sandbox, makes_pipes_to_splice_through_if_it_said_so) {
  const auto make_pipe_and_splice = [](bool splices) {
    return run_in_child([splices] {
      (void)enter_sandbox({.splices = splices});
      std::array<int, 2> ends{};
      if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return errno;
      if (fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0) return errno;
      return splice(ends[0], nullptr, ends[1], nullptr, 1, SPLICE_F_NONBLOCK) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(make_pipe_and_splice(false), EPERM);
  EXPECT_EQ(make_pipe_and_splice(true), EINVAL);  // a pipe into itself
  EXPECT_EQ(errno_inside([] { return splice(-1, nullptr, -1, nullptr, 1, 0); }), EPERM);
}

TEST_F(Sandbox, gains_no_rights) {
  EXPECT_EQ(errno_inside([] { return setuid(0); }), EPERM);
  EXPECT_EQ(errno_inside([] { return syscall(SYS_unshare, 0x10000000); }), EPERM);
  EXPECT_EQ(errno_inside([] { return prctl(PR_SET_DUMPABLE, 1); }), EPERM);
  EXPECT_EQ(errno_inside([] { return syscall(SYS_bpf, 0, nullptr, 0); }), EPERM);
}

TEST_F(Sandbox, runs_no_code_that_was_data) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  const auto map = [](int protection) {
    return mmap(nullptr, 4096, protection, kFlags, -1, 0) == MAP_FAILED ? -1 : 0;
  };
  EXPECT_EQ(errno_inside([&] { return map(PROT_READ | PROT_EXEC); }), EPERM);
  EXPECT_EQ(errno_inside([&] { return map(PROT_READ | PROT_WRITE); }), 0);
  const auto turn = [] {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
  };
  EXPECT_EQ(errno_inside(turn), EPERM);
}

TEST_F(Sandbox, signals_nobody_but_itself) {
  EXPECT_EQ(errno_inside([] { return kill(getppid(), 0); }), EPERM);
  EXPECT_EQ(errno_inside([] { return syscall(SYS_tgkill, getppid(), getppid(), 0); }), EPERM);
  const auto abort_inside = [] {
    abort();
    return 0L;
  };
  EXPECT_EQ(errno_inside(abort_inside), 128 + SIGABRT);
}

TEST_F(Sandbox, commands_no_device) {
  int count = 0;
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  EXPECT_EQ(errno_inside([&] { return ioctl(ends[0], FIONREAD, &count); }), 0);
  EXPECT_EQ(errno_inside([] { return ioctl(0, TIOCSTI, "x"); }), EPERM);
  EXPECT_EQ(errno_inside([&] { return fcntl(ends[0], F_SETOWN, getppid()); }), EPERM);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Sandbox, another_machines_calls_end_the_process) {
#if defined(__x86_64__)
  const auto call_as_32_bits = [] {
    long result = 20;  // getpid
    asm volatile("int $0x80" : "+a"(result) : : "memory");
    return result;
  };
  // SIGSEGV where the kernel was built without them.
  EXPECT_THAT(errno_inside(call_as_32_bits), testing::AnyOf(kEndedBySigsys, 128 + SIGSEGV));
#endif
}

TEST_F(Landlock, opens_and_makes_no_file) {
  EXPECT_EQ(errno_behind_landlock(1, [] { return open("/etc/passwd", O_RDONLY); }), EACCES);
  EXPECT_EQ(errno_behind_landlock(1, [] { return mkdir("/tmp/ouro_landlock", 0700); }), EACCES);
  const auto run = [] { return execl("/bin/true", "true", nullptr); };
  EXPECT_EQ(errno_behind_landlock(1, run), EACCES);
}

TEST_F(Landlock, binds_and_connects_to_no_port) {
  EXPECT_EQ(errno_behind_landlock(4, [] { return with_address(::bind, 0); }), EACCES);
  EXPECT_EQ(errno_behind_landlock(4, [] { return with_address(::connect, 1); }), EACCES);
}

TEST_F(Landlock, signals_nobody_outside) {
  const int error = errno_behind_landlock(6, [] { return kill(getppid(), 0); });
  EXPECT_THAT(error, testing::AnyOf(EPERM, EACCES));  // EACCES: older, see above
}

TEST_F(Sandbox, a_ring_does_what_it_was_made_for_and_nothing_else) {
  const auto answer_to = [](auto prepare) {
    return run_in_child([&] {
      const Features features = probe_features();
      if (!features.restrictions) return EACCES;
      auto ring = Ring::create({}, features);
      if (!ring) return kNotPrepared;
      (*ring)->allow(IORING_OP_NOP);
      if (!(*ring)->start()) return kNotPrepared;
      prepare((*ring)->entry());
      (*ring)->submit_and_wait(Ring::kForever);
      io_uring_cqe* completion = nullptr;
      if (io_uring_peek_cqe((*ring)->raw(), &completion) != 0) return kNotPrepared;
      return completion->res < 0 ? -completion->res : 0;
    });
  };
  EXPECT_EQ(answer_to([](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); }), 0);
  EXPECT_EQ(answer_to([](io_uring_sqe* sqe) {
              io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
            }),
            EACCES);
  EXPECT_EQ(
      answer_to([](io_uring_sqe* sqe) { io_uring_prep_socket(sqe, AF_INET, SOCK_STREAM, 0, 0); }),
      EACCES);
}

TEST_F(Sandbox, says_of_each_wall_whether_it_stands) {
  const auto layers = try_sandbox();
  ASSERT_TRUE(layers.has_value());
  ASSERT_EQ(layers->size(), 4u);
  for (const SandboxLayer& layer : *layers) {
    EXPECT_TRUE(layer.in_force) << layer.name << ": " << layer.why;
    EXPECT_NE(layer.why, "");
  }
  // It stood in a child: here everything is as it was.
  EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

TEST_F(Sandbox, without_a_wall_the_others_stand) {
  const auto inside = [] {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !forbid_files_ports_signals(false)) {
      return kNotPrepared;
    }
    // Landlock allows sixteen of itself, one inside the other.
    for (int i = 0; i < 15; ++i) (void)forbid_files_ports_signals(false);
    int down = 0;
    for (const SandboxLayer& layer : enter_sandbox({})) {
      down += !layer.in_force && layer.name == "landlock" && layer.why.contains("Landlock") ? 1 : 0;
      if (!layer.in_force && layer.name != "landlock") return kNotPrepared;
    }
    return open("/etc/passwd", O_RDONLY) < 0 && errno == EPERM ? down : kNotPrepared;
  };
  EXPECT_EQ(run_in_child(inside), 1);
}

TEST_F(Sandbox, leaves_no_capability_to_root) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has any";
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const auto inside = [&] {
    std::ifstream status("/proc/self/status");  // opened before the door closes
    forget_capabilities();
    (void)enter_sandbox({});
    int empty = 0;
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Cap")) empty += line.ends_with("0000000000000000") ? 1 : 0;
    }
    return empty;
  };
  EXPECT_EQ(run_in_child(inside), 5);  // inheritable, permitted, effective, bounding, ambient
}

}  // namespace
}  // namespace ouro::os

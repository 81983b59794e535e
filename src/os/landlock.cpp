#include "os/landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "os/fd.h"

namespace ouro::os {
namespace {

// As of version 6; the headers of the distribution may be older than its kernel.
struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t ports = 0;
  std::uint64_t scoped = 0;
};

// The bits that a version of the interface knows, from the first on.
constexpr std::uint64_t bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

std::uint64_t files_known(int version) {
  if (version >= 5) return bits(16);  // and device commands
  if (version >= 3) return bits(15);  // and truncating
  return version == 2 ? bits(14) : bits(13);
}

// What is named here and allowed by no rule is forbidden. There are no rules.
Ruleset everything(int version, bool connects) {
  Ruleset rules;
  rules.files = files_known(version);
  // Whoever connects binds too, to say from where; that it cannot listen is seccomp's to see to.
  if (version >= 4 && !connects) rules.ports = bits(2);
  if (version >= 6) rules.scoped = bits(2);
  return rules;
}

std::size_t size_known(int version) {
  if (version >= 6) return sizeof(Ruleset);
  return version >= 4 ? sizeof(std::uint64_t) * 2 : sizeof(std::uint64_t);
}

}  // namespace

Result<int> forbid_files_ports_signals(bool connects) {
  const auto version = static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (version < 1) return fail_errno("Landlock", errno);
  const Ruleset rules = everything(version, connects);
  const Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, size_known(version), 0)));
  if (!ruleset.valid()) return fail_errno("Landlock", errno);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return fail_errno("Landlock", errno);
  }
  return version;
}

}  // namespace ouro::os

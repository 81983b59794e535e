// Makes io_uring refused the way containers do: by a seccomp filter.
#pragma once

namespace ouro::test {

// From now on io_uring_setup fails with `error` in this process and whatever it starts, for good:
// EPERM as under Docker, or ENOSYS. False if the kernel takes no filter.
[[nodiscard]] bool refuse_io_uring(int error) noexcept;
// Likewise what Landlock begins with, as on a kernel without it.
[[nodiscard]] bool refuse_landlock(int error) noexcept;

}  // namespace ouro::test

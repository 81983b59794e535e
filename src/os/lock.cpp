#include "os/lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace ouro::os {

Result<Fd> lock_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return fail_errno("cannot open " + path, errno);
  if (::flock(folder.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return fail(Errc::kAddressInUse, path + " is in use by another process");
  }
  return folder;
}

}  // namespace ouro::os

#include "os/text_file.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/units.h"
#include "os/fd.h"

namespace ouro::os {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

// A folder that is not there has no files, which is no failure.
int stop_unless_missing(const char* /*path*/, int error) {
  return error == ENOENT || error == ENOTDIR ? 0 : 1;
}

}  // namespace

Result<TextFile> read_text_file(const std::string& path, std::size_t bytes_most) {
  const std::string trouble = "cannot read " + path;
  // Opening a pipe would wait for a writer, and reading for what it writes.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return fail_errno(trouble, errno);
  if (S_ISDIR(status.st_mode)) return fail_errno(trouble, EISDIR);
  if (!S_ISREG(status.st_mode)) return fail(Errc::kInvalid, trouble + ": it is no regular file");
  TextFile read{{}, status.st_dev, status.st_ino};
  std::array<char, kPieceBytes> piece{};
  while (true) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(trouble, errno);
    if (got == 0) return read;
    read.text.append(piece.data(), static_cast<std::size_t>(got));
    if (read.text.size() > bytes_most) {
      return fail(Errc::kInvalid, trouble + ": it is larger than " + format_size(bytes_most));
    }
  }
}

Result<std::vector<std::string>> files_like(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, stop_unless_missing, &found);
  const int error = errno;
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (result != 0 && result != GLOB_NOMATCH) {
    return fail_errno("cannot look for " + pattern, result == GLOB_NOSPACE ? ENOMEM : error);
  }
  // By bytes, so that the order is the same for everybody, whatever their language.
  std::ranges::sort(files);
  return files;
}

std::string as_pattern(const std::string& path) {
  std::string pattern;
  for (const char letter : path) {
    if (std::string_view("*?[]\\").find(letter) != std::string_view::npos) pattern += '\\';
    pattern += letter;
  }
  return pattern;
}

}  // namespace ouro::os

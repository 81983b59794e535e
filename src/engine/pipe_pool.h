// The pipes of a worker, for connections that pass bytes on by splice(). A connection has one only
// while there are bytes in it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "os/pipe.h"

namespace ouro::engine {

class PipePool {
 public:
  // Pipes for so many bytes each. Makes none before one is asked for.
  explicit PipePool(std::size_t pipe_bytes);

  // An empty one. None: there are too many already, or the system gives none; then for a tenth of a
  // second it is not asked again.
  [[nodiscard]] std::optional<os::Pipe> take(std::uint64_t now_ns);
  // Empty again.
  void give_back(os::Pipe pipe);
  // With bytes in it that nobody shall have.
  void discard(os::Pipe pipe) noexcept;
  [[nodiscard]] std::size_t made() const noexcept { return made_; }

 private:
  static constexpr std::size_t kSpareMax = 16;

  std::size_t pipe_bytes_;
  std::size_t pipes_max_;
  std::size_t made_ = 0;
  std::uint64_t not_before_ns_ = 0;
  std::vector<os::Pipe> spare_;  // the one given back last comes first: it is in the cache
};

}  // namespace ouro::engine

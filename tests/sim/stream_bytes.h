// The bytes of simulated streams, fast: one table of random bytes, of which every stream is a
// cyclic walk from a place of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ouro::sim {

// Writes the bytes [offset, offset + out.size()) of `stream`.
void stream_bytes(std::uint32_t stream, std::uint64_t offset, std::span<std::byte> out);
[[nodiscard]] bool stream_matches(std::uint32_t stream, std::uint64_t offset,
                                  std::span<const std::byte> bytes);

}  // namespace ouro::sim

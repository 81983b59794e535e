#include "pattern.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace ouro::test {
namespace {

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

// The finalizer of splitmix64: neighbouring inputs give unrelated words.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

std::uint64_t word_of(std::uint64_t stream, std::uint64_t index) {
  return mix(mix(stream + 1) + index * 0x9e3779b97f4a7c15U);
}

// Calls `piece(words_bytes, position, count)` for each run of bytes within one word.
template <typename Piece>
bool for_each_word(std::uint64_t stream, std::uint64_t offset, std::size_t size, Piece piece) {
  for (std::size_t done = 0; done < size;) {
    const std::uint64_t word = word_of(stream, (offset + done) / kWordBytes);
    const std::size_t skip = (offset + done) % kWordBytes;
    const std::size_t count = std::min(kWordBytes - skip, size - done);
    if (!piece(reinterpret_cast<const std::byte*>(&word) + skip, done, count)) return false;
    done += count;
  }
  return true;
}

std::string describe(std::uint64_t stream, std::uint64_t offset, std::byte got, std::byte want) {
  char text[128];
  std::snprintf(text, sizeof text, "stream %llu: byte %llu is 0x%02x, expected 0x%02x",
                static_cast<unsigned long long>(stream), static_cast<unsigned long long>(offset),
                std::to_integer<unsigned>(got), std::to_integer<unsigned>(want));
  return text;
}

}  // namespace

void fill_pattern(std::uint64_t stream, std::uint64_t offset, std::span<std::byte> out) {
  for_each_word(stream, offset, out.size(),
                [&](const std::byte* word, std::size_t at, std::size_t count) {
                  std::memcpy(out.data() + at, word, count);
                  return true;
                });
}

std::vector<std::byte> make_pattern(std::uint64_t stream, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> bytes(size);
  fill_pattern(stream, offset, bytes);
  return bytes;
}

std::string check_pattern(std::uint64_t stream, std::uint64_t offset,
                          std::span<const std::byte> bytes) {
  std::string mistake;
  for_each_word(stream, offset, bytes.size(),
                [&](const std::byte* word, std::size_t at, std::size_t count) {
                  if (std::memcmp(bytes.data() + at, word, count) == 0) return true;
                  std::size_t i = 0;
                  while (bytes[at + i] == word[i]) ++i;
                  mistake = describe(stream, offset + at + i, bytes[at + i], word[i]);
                  return false;
                });
  return mistake;
}

void PatternChecker::take(std::span<const std::byte> bytes) {
  if (mistake_.empty()) mistake_ = check_pattern(stream_, received_, bytes);
  received_ += bytes.size();
}

std::uint64_t Random::next() {
  if (script_.size() >= 2) {
    const std::uint64_t number = script_[0] | std::uint64_t{script_[1]} << 8;
    script_ = script_.subspan(2);
    return number;
  }
  state_ += 0x9e3779b97f4a7c15U;
  return mix(state_);
}

}  // namespace ouro::test

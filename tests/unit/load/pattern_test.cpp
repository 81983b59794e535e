#include "load/pattern.h"

#include <gtest/gtest.h>

#include <vector>

namespace ouro::load {
namespace {

TEST(PatternTest, pieces_follow_each_other_without_a_seam) {
  const Pattern pattern;
  std::vector<std::byte> by_bytes;
  for (std::uint64_t i = 0; i < 200'000; ++i) by_bytes.push_back(pattern.piece(3, i, 1).front());
  for (const std::size_t count : {std::size_t{1}, std::size_t{1000}, std::size_t{70'000}}) {
    for (std::uint64_t offset = 0; offset + count < by_bytes.size(); offset += 9973) {
      const auto piece = pattern.piece(3, offset, count);
      ASSERT_GT(piece.size(), 0U);
      ASSERT_LE(piece.size(), count);
      ASSERT_TRUE(std::equal(piece.begin(), piece.end(), by_bytes.begin() + offset)) << offset;
    }
  }
}

TEST(PatternTest, no_message_is_like_the_one_before_it) {
  const Pattern pattern;
  for (const std::uint64_t size : {1024, 7919, 65521, 65536, 131042}) {
    for (std::uint64_t number = 0; number < 100; ++number) {
      const auto piece = pattern.piece(0, number * size, 64);
      ASSERT_TRUE(pattern.first_difference(0, (number + 1) * size, piece)) << size;
    }
  }
}

TEST(PatternTest, what_was_sent_is_no_difference) {
  const Pattern pattern;
  for (const std::size_t count : {1, 4096, 65536}) {
    const auto piece = pattern.piece(7, 123456, count);
    EXPECT_EQ(pattern.first_difference(7, 123456, piece), std::nullopt);
  }
}

TEST(PatternTest, the_first_wrong_byte_is_named) {
  const Pattern pattern;
  const auto piece = pattern.piece(1, 1000, 5000);
  std::vector<std::byte> bytes(piece.begin(), piece.end());
  bytes[4000] ^= std::byte{1};
  bytes[4500] ^= std::byte{1};
  EXPECT_EQ(pattern.first_difference(1, 1000, bytes), 5000U);
}

TEST(PatternTest, another_connections_bytes_and_shifted_ones_differ) {
  const Pattern pattern;
  const auto piece = pattern.piece(1, 0, 64);
  EXPECT_TRUE(pattern.first_difference(2, 0, piece));
  EXPECT_TRUE(pattern.first_difference(1, 1, piece));
  EXPECT_TRUE(pattern.first_difference(1, 1024, piece));
  EXPECT_TRUE(pattern.first_difference(1, 65536, piece));
  EXPECT_TRUE(pattern.first_difference(1, 65521, piece));
}

TEST(PatternTest, received_bytes_may_be_longer_than_a_piece) {
  const Pattern pattern;
  std::vector<std::byte> bytes;
  while (bytes.size() < 200'000) {
    const auto piece = pattern.piece(5, bytes.size(), 100'000);
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(pattern.first_difference(5, 0, bytes), std::nullopt);
  bytes.back() ^= std::byte{0x80};
  EXPECT_EQ(pattern.first_difference(5, 0, bytes), bytes.size() - 1);
}

}  // namespace
}  // namespace ouro::load

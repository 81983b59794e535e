#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <thread>

#include "proxy/access/record.h"
#include "proxy/access/ring.h"
#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

bool put(LogRing ring, std::string_view text) {
  return ring.put(std::as_bytes(std::span(text.data(), text.size())));
}

std::string take(LogRing ring) {
  std::array<std::byte, kRecordBytesMax> bytes;
  const auto record = ring.take(bytes);
  return {reinterpret_cast<const char*>(record.data()), record.size()};
}

class AccessRing : public testing::Test {
 protected:
  LogRings rings_ = *LogRings::create(2);
  LogRing ring_ = rings_.ring(0);
};

TEST_F(AccessRing, gives_records_back_in_their_order) {
  EXPECT_EQ(take(ring_), "");
  EXPECT_TRUE(put(ring_, "first"));
  EXPECT_TRUE(put(ring_, "second"));
  EXPECT_EQ(take(ring_), "first");
  EXPECT_EQ(take(ring_), "second");
  EXPECT_EQ(take(ring_), "");
}

TEST_F(AccessRing, belongs_to_one_worker) {
  EXPECT_TRUE(put(rings_.ring(1), "other"));
  EXPECT_EQ(take(ring_), "");
  EXPECT_EQ(take(rings_.ring(1)), "other");
}

TEST_F(AccessRing, what_finds_no_room_is_dropped_and_counted) {
  const std::string record(1000, 'x');
  std::size_t count = 0;
  while (put(ring_, record)) ++count;
  EXPECT_EQ(count, kRingBytes / (record.size() + 2));
  EXPECT_FALSE(put(ring_, record));
  EXPECT_EQ(rings_.dropped(), 2u);
  EXPECT_EQ(take(ring_), record);
  EXPECT_TRUE(put(ring_, record));
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(take(ring_), record);
  EXPECT_EQ(take(ring_), "");
}

TEST_F(AccessRing, records_of_all_sizes_survive_its_end) {
  for (std::size_t i = 0; i < 3 * kRingBytes / 500; ++i) {
    const std::string record(1 + i % kRecordBytesMax, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(put(ring_, record));
    ASSERT_EQ(take(ring_), record);
  }
}

// A worker that strangers have taken over must not take the attendant along.
TEST_F(AccessRing, nonsense_is_dropped) {
  std::array<std::byte, kRingBytes> memory{};
  RingState state;
  LogRing broken(state, memory);
  for (const std::uint64_t put_bytes : {std::uint64_t{1}, std::uint64_t{100}, ~std::uint64_t{0}}) {
    std::ranges::fill(memory, std::byte{0xff});
    state.put.store(state.taken.load() + put_bytes);
    EXPECT_EQ(take(broken), "");
    EXPECT_EQ(take(broken), "");
  }
  EXPECT_TRUE(put(broken, "good"));
  EXPECT_EQ(take(broken), "good");
}

TEST_F(AccessRing, one_thread_may_put_while_another_takes) {
  constexpr std::uint64_t kRecords = 100'000;
  std::thread worker([this] {
    std::array<std::byte, 300> bytes{};
    for (std::uint64_t i = 1; i <= kRecords; ++i) {
      std::memcpy(bytes.data(), &i, sizeof(i));
      (void)ring_.put(std::span(bytes).first(sizeof(i) + i % 200));
    }
  });
  std::array<std::byte, kRecordBytesMax> bytes;
  std::uint64_t last = 0;
  std::uint64_t count = 0;
  while (count + ring_.dropped() < kRecords) {
    const auto record = ring_.take(bytes);
    if (record.empty()) {
      std::this_thread::yield();
      continue;
    }
    std::uint64_t number = 0;
    std::memcpy(&number, record.data(), sizeof(number));
    ASSERT_GT(number, last);
    ASSERT_EQ(record.size(), sizeof(number) + number % 200);
    last = number;
    ++count;
  }
  worker.join();
  EXPECT_GT(count, 0u);
}

TEST(AccessRecordBytes, come_back_as_they_were) {
  AccessRecord record{.client = at("[2001:db8::1]:4711"), .server = at("unix:/run/back")};
  record.listener = "front";
  record.upstream = "";
  const std::string host(255, 'h');
  record.host = host;
  record.end.retries = 3;
  record.end.cause = Cause::kIdle;
  record.end.to_client_bytes = ~std::uint64_t{0};
  std::array<std::byte, kRecordBytesMax> bytes;
  const auto packed = pack(record, bytes);
  const auto back = unpack(packed);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->client, record.client);
  EXPECT_EQ(back->server, record.server);
  EXPECT_EQ(back->listener, "front");
  EXPECT_EQ(back->upstream, "");
  EXPECT_EQ(back->host, host);
  EXPECT_EQ(back->end.retries, 3u);
  EXPECT_EQ(back->end.cause, Cause::kIdle);
  EXPECT_EQ(back->end.to_client_bytes, ~std::uint64_t{0});
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(unpack(packed.first(size))) << size;
  }
}

TEST(AccessRecordBytes, the_longest_fits) {
  const std::string most(300, 'x');
  const Address path = at("unix:/" + std::string(100, 'p'));
  const AccessRecord record{
      .client = path, .server = path, .listener = most, .upstream = most, .host = most};
  std::array<std::byte, kRecordBytesMax> bytes;
  const auto back = unpack(pack(record, bytes));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->server, path);
  EXPECT_EQ(back->listener, most.substr(0, 255));
  EXPECT_FALSE(back->host.empty());
}

}  // namespace
}  // namespace ouro::proxy

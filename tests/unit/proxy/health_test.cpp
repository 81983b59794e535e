// What checks say of a server: how answers are read, how many of them it takes, when they are due.
#include <gtest/gtest.h>

#include "proxy/check_answer.h"
#include "proxy/rise_fall.h"

namespace ouro::proxy {
namespace {

using namespace std::chrono_literals;

TEST(RiseFall, takes_so_many_in_a_row) {
  RiseFall count(true);
  EXPECT_FALSE(count.count(false, 2, 3));
  EXPECT_FALSE(count.count(false, 2, 3));
  EXPECT_FALSE(count.count(true, 2, 3));
  EXPECT_FALSE(count.count(false, 2, 3));
  EXPECT_FALSE(count.count(false, 2, 3));
  EXPECT_TRUE(count.is_up());
  EXPECT_TRUE(count.count(false, 2, 3));
  EXPECT_FALSE(count.is_up());
  EXPECT_FALSE(count.count(false, 2, 3));
  EXPECT_FALSE(count.count(true, 2, 3));
  EXPECT_FALSE(count.count(false, 2, 3));
  EXPECT_FALSE(count.count(true, 2, 3));
  EXPECT_TRUE(count.count(true, 2, 3));
  EXPECT_TRUE(count.is_up());
}

TEST(RiseFall, one_is_enough_if_one_is_asked_for) {
  RiseFall count(true);
  EXPECT_TRUE(count.count(false, 1, 1));
  EXPECT_TRUE(count.count(true, 1, 1));
}

TEST(Interval, differs_by_a_tenth_at_most_and_does_differ) {
  Random random(1);
  auto least = 10s + 0ns;
  auto most = least;
  for (int i = 0; i < 10'000; ++i) {
    const auto wait = jittered(10s, random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GE(least, 9s);
  EXPECT_LE(most, 11s);
  EXPECT_LT(least, 9100ms);
  EXPECT_GT(most, 10'900ms);
}

TEST(Interval, first_checks_come_soon_and_one_after_the_other) {
  EXPECT_EQ(first_wait(0, 1000, 2s), 0ns);
  EXPECT_EQ(first_wait(10, 1000, 2s), 10ms);
  EXPECT_LT(first_wait(3999, 4000, 100ms), 100ms);
  EXPECT_GT(first_wait(3999, 4000, 100ms), 99ms);
}

Verdict read_in_pieces(auto& reader, std::string_view text, std::size_t size) {
  Verdict verdict = Verdict::kNeedMore;
  for (; verdict == Verdict::kNeedMore && !text.empty();
       text.remove_prefix(std::min(size, text.size()))) {
    verdict = reader.read(text.substr(0, size));
  }
  return verdict;
}

TEST(ExpectedText, is_found_wherever_the_pieces_are_cut) {
  for (std::size_t size = 1; size < 20; ++size) {
    ExpectedText wanted("+PONG");
    EXPECT_EQ(read_in_pieces(wanted, "-x ++PO+PONG\r\n", size), Verdict::kGood) << size;
    ExpectedText other("+PONG");
    EXPECT_EQ(read_in_pieces(other, "+PON +P ONG -G", size), Verdict::kNeedMore) << size;
  }
}

TEST(ExpectedText, is_not_looked_for_in_a_stream_without_end) {
  ExpectedText wanted("b");
  EXPECT_EQ(read_in_pieces(wanted, std::string(100'000, 'a'), 1000), Verdict::kBad);
}

Verdict status_of(std::string_view text, unsigned& status, std::size_t size = 3) {
  StatusLine line;
  const Verdict verdict = read_in_pieces(line, text, size);
  status = line.status();
  return verdict;
}

TEST(StatusLine, is_read_in_any_pieces) {
  for (std::size_t size = 1; size < 40; ++size) {
    unsigned status = 0;
    EXPECT_EQ(status_of("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", status, size), Verdict::kGood);
    EXPECT_EQ(status, 204U);
  }
}

TEST(StatusLine, may_be_short_or_old) {
  for (const char* text : {"HTTP/1.0 200 OK\r\n", "HTTP/1.1 200 \r\n", "HTTP/1.1 200\r\n"}) {
    unsigned status = 0;
    EXPECT_EQ(status_of(text, status), Verdict::kGood) << text;
    EXPECT_EQ(status, 200U) << text;
  }
}

TEST(StatusLine, is_nothing_else) {
  for (const char* text :
       {"HTTP/2 200 OK\r\n", "HTTP/1.2 200 OK\r\n", "http/1.1 200 OK\r\n", "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 200OK\r\n", "HTTP/1.1 099 OK\r\n",
        "HTTP/1.1 600 OK\r\n", "HTTP/1.1 -20 OK\r\n", "HTTP/1.1 200 O\x01K\r\n", "SSH-2.0-x\r\n",
        "\r\n", "HTTP/1.1 200 O\nK\r\n"}) {
    unsigned status = 0;
    EXPECT_EQ(status_of(text, status), Verdict::kBad) << text;
  }
}

TEST(StatusLine, ends_at_some_point) {
  unsigned status = 0;
  EXPECT_EQ(status_of("HTTP/1.1 200 " + std::string(5000, 'x'), status), Verdict::kBad);
  EXPECT_EQ(status_of("HTTP/1.1 200 OK\n", status), Verdict::kNeedMore);
}

TEST(Printable, has_no_ends_of_lines_and_dots_for_what_cannot_be_seen) {
  EXPECT_EQ(printable("SSH-2.0-x\r\n"), "SSH-2.0-x");
  EXPECT_EQ(printable("a\r\nb\tc\x1b\xc3\xa4~ \n"), "a..b.c...~ ");
  EXPECT_EQ(printable("\r\n"), "");
  EXPECT_EQ(printable(""), "");
}

TEST(Status, is_good_from_200_to_399_or_as_listed) {
  EXPECT_TRUE(is_good_status(200, {}));
  EXPECT_TRUE(is_good_status(399, {}));
  EXPECT_FALSE(is_good_status(400, {}));
  EXPECT_FALSE(is_good_status(101, {}));
  EXPECT_TRUE(is_good_status(503, {503}));
  EXPECT_FALSE(is_good_status(200, {503}));
}

}  // namespace
}  // namespace ouro::proxy

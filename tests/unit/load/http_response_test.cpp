#include "load/http_response.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ouro::load {
namespace {

using Found = HttpResponseReader::Found;

// The statuses of the responses that `text` holds when it comes in pieces of `step` bytes; -1 for
// garbage, which ends it.
std::vector<int> read_all(HttpResponseReader& reader, std::string_view text, std::size_t step) {
  std::vector<int> statuses;
  for (std::size_t at = 0; at < text.size(); at += step) {
    std::string_view piece = text.substr(at, step);
    while (!piece.empty()) {
      const Found found = reader.read(piece);
      if (found == Found::kResponse) statuses.push_back(reader.status());
      if (found == Found::kGarbage) {
        statuses.push_back(-1);
        return statuses;
      }
    }
  }
  return statuses;
}

std::vector<int> statuses_of(std::string_view text) {
  HttpResponseReader whole;
  const auto statuses = read_all(whole, text, text.size());
  for (const std::size_t step : {1, 2, 3, 7, 64}) {
    HttpResponseReader pieces;
    EXPECT_EQ(read_all(pieces, text, step), statuses) << "in pieces of " << step;
  }
  return statuses;
}

using Statuses = std::vector<int>;

TEST(HttpResponseTest, a_length_says_where_a_response_ends) {
  EXPECT_EQ(statuses_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
                        "HTTP/1.1 404 No\r\ncontent-length:0\r\n\r\n"),
            (Statuses{200, 404}));
  EXPECT_EQ(statuses_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), Statuses{});
}

TEST(HttpResponseTest, chunks_end_with_an_empty_one_and_its_trailers) {
  EXPECT_EQ(statuses_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
                        "A;a=b\r\n0123456789\r\n1\r\n\n\r\n0\r\nX: y\r\n\r\n"
                        "HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n"),
            (Statuses{200, 201}));
}

TEST(HttpResponseTest, some_have_no_body_whatever_they_say) {
  EXPECT_EQ(
      statuses_of("HTTP/1.1 304 Same\r\nContent-Length: 1000\r\n\r\n"
                  "HTTP/1.1 204 None\r\n\r\n"
                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
      (Statuses{304, 204, 200}));
}

TEST(HttpResponseTest, without_a_length_the_end_of_the_connection_is_the_end) {
  HttpResponseReader reader;
  EXPECT_EQ(read_all(reader, "HTTP/1.1 200 OK\r\n\r\nwhatever", 5), Statuses{});
  EXPECT_TRUE(reader.last());
  EXPECT_TRUE(reader.ended());
  HttpResponseReader cut;
  EXPECT_EQ(read_all(cut, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 5), Statuses{});
  EXPECT_FALSE(cut.ended());
}

TEST(HttpResponseTest, who_will_close_says_so) {
  const auto last = [](std::string_view text) {
    HttpResponseReader reader;
    EXPECT_EQ(read_all(reader, text, text.size()).size(), 1U);
    return reader.last();
  };
  EXPECT_FALSE(last("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(last("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_TRUE(last("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(last("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
}

TEST(HttpResponseTest, garbage_is_not_taken_for_a_response) {
  for (const char* text : {
           "SSH-2.0-OpenSSH\r\n",
           "HTTP/2 200\r\n",
           "HTTP/1.1 20 OK\r\n",
           "HTTP/1.1 abc OK\r\n",
           "HTTP/1.1 200 OK\r\nno colon\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
       }) {
    EXPECT_EQ(statuses_of(text), Statuses{-1}) << text;
  }
}

TEST(HttpResponseTest, a_line_has_a_bound) {
  HttpResponseReader reader;
  EXPECT_EQ(read_all(reader, std::string(100'000, 'x'), 1000), Statuses{-1});
}

}  // namespace
}  // namespace ouro::load

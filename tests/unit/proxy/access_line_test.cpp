#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "os/output.h"
#include "proxy/access/line.h"
#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

constexpr std::uint64_t kEndedMs = 1'767'225'600'123;  // 2026-01-01T00:00:00.123Z

AccessRecord good_record() {
  AccessRecord record{.client = at("192.0.2.7:51234"),
                      .server = at("10.0.0.1:5432"),
                      .listener = "postgres",
                      .upstream = "db",
                      .host = "db.example.com"};
  SessionEnd& end = record.end;
  end.begin(1'000'000);
  end.move_to(Phase::kQueue, 3'000'000);
  end.move_to(Phase::kConnect, 3'500'000);
  end.move_to(Phase::kData, 5'000'000);
  end.first_end = Side::kClient;
  end.move_to(Phase::kEnd, 10'000'000);
  end.over(11'250'000);
  end.to_server_bytes = 1200;
  end.to_client_bytes = 34567;
  end.retries = 1;
  return record;
}

std::string line(const AccessRecord& record, AccessFormat format) {
  std::string text;
  append_line(text, record, format, kEndedMs);
  return text;
}

TEST(AccessLine, as_text) {
  EXPECT_EQ(line(good_record(), AccessFormat::kText),
            "time=2026-01-01T00:00:00.123Z client=192.0.2.7:51234 listener=postgres upstream=db "
            "server=10.0.0.1:5432 host=db.example.com to_server=1200 to_client=34567 "
            "header_ms=2.000 queue_ms=0.500 connect_ms=1.500 total_ms=10.250 retries=1 by=client "
            "phase=end cause=done error=-\n");
}

TEST(AccessLine, as_json) {
  EXPECT_EQ(line(good_record(), AccessFormat::kJson),
            R"({"time":"2026-01-01T00:00:00.123Z","client":"192.0.2.7:51234",)"
            R"("listener":"postgres","upstream":"db","server":"10.0.0.1:5432",)"
            R"("host":"db.example.com","to_server":1200,"to_client":34567,"header_ms":2.000,)"
            R"("queue_ms":0.500,"connect_ms":1.500,"total_ms":10.250,"retries":1,"by":"client",)"
            R"("phase":"end","cause":"done","error":null})"
            "\n");
}

TEST(AccessLine, what_there_is_not_is_said_to_be_not_there) {
  AccessRecord record;
  record.end.set_cause(Cause::kDenied);
  record.end.over(0);
  EXPECT_EQ(line(record, AccessFormat::kText),
            "time=2026-01-01T00:00:00.123Z client=- listener=- upstream=- server=- host=- "
            "to_server=0 to_client=0 header_ms=0.000 queue_ms=0.000 connect_ms=0.000 "
            "total_ms=0.000 retries=0 by=proxy phase=header cause=denied error=-\n");
  EXPECT_THAT(line(record, AccessFormat::kJson),
              testing::HasSubstr(R"("server":null,"host":null)"));
}

TEST(AccessLine, a_failed_connect_says_what_the_system_said) {
  AccessRecord record = good_record();
  record.end.cause = Cause::kConnectFailed;
  record.end.reason = Errc::kRefused;
  EXPECT_THAT(line(record, AccessFormat::kText),
              testing::EndsWith("by=server phase=end cause=connect_failed "
                                "error=\"connection refused\"\n"));
  record.end.reason = Errc::kNoDescriptors;
  EXPECT_THAT(line(record, AccessFormat::kText), testing::HasSubstr(" by=proxy "));
}

TEST(AccessLine, whom_nobody_has_ended_the_proxy_has) {
  AccessRecord record;
  record.end.over(0);
  EXPECT_THAT(line(record, AccessFormat::kText), testing::HasSubstr("by=proxy"));
  EXPECT_THAT(line(record, AccessFormat::kText), testing::HasSubstr("cause=drained"));
}

std::string json(std::string_view text) {
  std::string to;
  append_json_text(to, text);
  return to;
}

TEST(AccessLine, json_holds_any_bytes) {
  EXPECT_EQ(json(""), R"("")");
  EXPECT_EQ(json(R"(say "hi" \ bye)"), R"("say \"hi\" \\ bye")");
  EXPECT_EQ(json(bytes("\0\n\x1f\x7f")), R"("\u0000\u000a\u001f\u007f")");
  EXPECT_EQ(json("gr\u00fc\u00dfe \u20ac \U0001f40d"), "\"gr\u00fc\u00dfe \u20ac \U0001f40d\"");
  // Alone, too long, half a pair of UTF-16, beyond the last, cut off.
  EXPECT_EQ(json("\x80"), R"("\ufffd")");
  EXPECT_EQ(json("\xc0\xaf"), R"("\ufffd\ufffd")");
  EXPECT_EQ(json("\xe0\x80\x80"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json("a\xe2\x82"), R"("a\ufffd\ufffd")");
}

std::string plain(std::string_view text) {
  std::string to;
  append_plain_text(to, text);
  return to;
}

TEST(AccessLine, text_ends_where_a_reader_thinks_it_does) {
  EXPECT_EQ(plain("db-1.example_com:80"), "db-1.example_com:80");
  EXPECT_EQ(plain(""), R"("")");
  EXPECT_EQ(plain("-"), R"("-")");
  EXPECT_EQ(plain("two words"), R"("two words")");
  EXPECT_EQ(plain("a=b"), R"("a=b")");
  EXPECT_EQ(plain("\"\\\n"), R"("\"\\\x0a")");
}

// What is written in pieces of kWholeBytes must not be longer than one.
TEST(AccessLine, the_longest_fits_what_a_pipe_takes_in_one_piece) {
  AccessRecord record = good_record();
  const std::string name(100, '\x01');
  const std::string host(255, 'h');
  record.listener = record.upstream = name;
  record.host = host;
  record.client = record.server = at("unix:/" + std::string(100, '\x01'));
  EXPECT_LE(line(record, AccessFormat::kJson).size(), os::kWholeBytes);
}

}  // namespace
}  // namespace ouro::proxy

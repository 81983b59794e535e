#include "proxy/wire/client_hello.h"

#include <gtest/gtest.h>

#include "unit/proxy/hello_builder.h"
#include "unit/proxy/real_hellos.h"

namespace ouro::proxy {
namespace {

using State = ClientHelloReader::State;

State state_of(std::string_view received) {
  ClientHelloReader reader;
  ClientHello hello;
  return reader.read(received, hello);
}

// The host in a good hello; "(wrong)" for any other.
std::string host_of(std::string_view received) {
  ClientHelloReader reader;
  ClientHello hello;
  if (reader.read(received, hello) != State::kDone) return "(wrong)";
  return std::string(hello.host());
}

// Reads what comes in two pieces.
std::string host_in_two(std::string_view received, std::size_t cut) {
  ClientHelloReader reader;
  ClientHello hello;
  if (reader.read(received.substr(0, cut), hello) != State::kNeedMore) return "(early)";
  if (reader.needs() <= cut || reader.needs() > received.size()) return "(needs)";
  if (reader.read(received, hello) != State::kDone) return "(wrong)";
  return std::string(hello.host());
}

// Reads as bytes come one by one; asks for each, or only when there are as many as were needed.
std::string host_by_bytes(std::string_view received, bool patient) {
  ClientHelloReader reader;
  ClientHello hello;
  for (std::size_t size = 0; size <= received.size(); ++size) {
    if (patient && size < reader.needs()) continue;
    const State state = reader.read(received.substr(0, size), hello);
    if (state == State::kDone) {
      return size == received.size() ? std::string(hello.host()) : "(early)";
    }
    if (state != State::kNeedMore) return "(wrong)";
  }
  return "(never)";
}

TEST(ClientHello, real_ones_are_read) {
  ClientHello hello;
  for (const RealHello& real : kRealHellos) {
    ClientHelloReader reader;
    EXPECT_EQ(reader.read(from_hex(real.hex), hello), State::kDone) << real.from;
    EXPECT_EQ(hello.host(), real.host) << real.from;
    EXPECT_EQ(hello.alpn, real.alpn) << real.from;
  }
}

TEST(ClientHello, a_real_one_may_be_cut_anywhere) {
  for (const RealHello& real : kRealHellos) {
    const std::string received = from_hex(real.hex);
    for (std::size_t cut = 0; cut < received.size(); ++cut) {
      ASSERT_EQ(host_in_two(received, cut), real.host) << real.from << " cut at " << cut;
    }
    EXPECT_EQ(host_by_bytes(received, false), real.host);
    EXPECT_EQ(host_by_bytes(received, true), real.host);
  }
}

TEST(ClientHello, a_real_one_may_come_in_records_of_any_size) {
  for (const RealHello& real : kRealHellos) {
    const std::string message = from_hex(real.hex).substr(5);
    for (std::size_t size = 1; size <= message.size(); ++size) {
      ASSERT_EQ(host_of(in_records(message, size)), real.host) << real.from << " by " << size;
    }
    for (std::size_t size = 1; size < 10; ++size) {
      EXPECT_EQ(host_by_bytes(in_records(message, size), false), real.host);
      EXPECT_EQ(host_by_bytes(in_records(message, size), true), real.host);
    }
  }
}

TEST(ClientHello, what_follows_it_is_not_looked_at) {
  EXPECT_EQ(host_of(hello_to("a.example") + "anything"), "a.example");
}

TEST(ClientHello, letters_become_small_and_the_last_dot_goes) {
  EXPECT_EQ(host_of(hello_to("WWW.Example.COM")), "www.example.com");
  EXPECT_EQ(host_of(hello_to("www.example.com.")), "www.example.com");
  EXPECT_EQ(host_of(hello_to("_a-b.xn--9ca")), "_a-b.xn--9ca");
}

TEST(ClientHello, without_a_name_the_host_is_empty) {
  EXPECT_EQ(host_of(hello_with("")), "");
  EXPECT_EQ(host_of(hello_with(extension(16, "\x00\x03\x02h2"))), "");
  const std::string body = bytes("\3\1") + std::string(32, 'r') + bytes("\0\0\2\0\x2f\1\0");
  EXPECT_EQ(host_of(record('\1' + with_length(body, 3))), "");  // from before there were extensions
}

TEST(ClientHello, names_that_are_none_are_wrong) {
  for (const std::string& host :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a.."),
        std::string("a b"), std::string("a/b"), std::string("[::1]"), std::string("*.a"),
        bytes("a\0b"), std::string("\xc3\xa4.example"), std::string(64, 'a') + ".example"}) {
    EXPECT_EQ(state_of(hello_to(host)), State::kWrong) << host;
  }
}

TEST(ClientHello, a_name_has_253_bytes_at_most) {
  std::string name = "a";
  while (name.size() < 253) name += ".a";
  EXPECT_EQ(host_of(hello_to(name)), name);
  EXPECT_EQ(host_of(hello_to(name + ".")), name);
  EXPECT_EQ(state_of(hello_to(name + "b")), State::kWrong);
  EXPECT_EQ(state_of(hello_to(name + "b.")), State::kWrong);
  EXPECT_EQ(state_of(hello_to(std::string(60000, 'a'))), State::kWrong);
}

TEST(ClientHello, one_host_is_named_and_once) {
  const std::string a = host_entry("a.example");
  const std::string other = '\7' + with_length("other", 2);
  EXPECT_EQ(state_of(hello_with(server_name(a + a))), State::kWrong);
  EXPECT_EQ(state_of(hello_with(server_name(a) + server_name(a))), State::kWrong);
  EXPECT_EQ(host_of(hello_with(server_name(other + a + other))), "a.example");
  EXPECT_EQ(host_of(hello_with(server_name(other))), "");
  EXPECT_EQ(state_of(hello_with(server_name(""))), State::kWrong);
}

TEST(ClientHello, extensions_nobody_knows_are_passed_over) {
  const std::string grease = extension(0x0a0a, "") + extension(0xfafa, std::string(1, '\0'));
  EXPECT_EQ(host_of(hello_with(grease + server_name(host_entry("a.example")) + grease)),
            "a.example");
}

TEST(ClientHello, lengths_that_do_not_fit_are_wrong) {
  const std::string name = server_name(host_entry("a.example"));
  for (std::size_t cut = 1; cut < name.size(); ++cut) {
    EXPECT_EQ(state_of(hello_with(name.substr(0, name.size() - cut))), State::kWrong) << cut;
  }
  EXPECT_EQ(state_of(hello_with(extension(0, with_length(host_entry("a"), 2) + "x"))),
            State::kWrong);
  const auto changed = [](auto change) {
    HelloParts parts;
    change(parts);
    return state_of(record(parts.message()));
  };
  EXPECT_EQ(changed([](HelloParts&) {}), State::kDone);
  EXPECT_EQ(changed([](HelloParts& parts) { parts.behind = "x"; }), State::kWrong);
  EXPECT_EQ(changed([](HelloParts& parts) { parts.version = "\x02\x03"; }), State::kWrong);
  EXPECT_EQ(changed([](HelloParts& parts) { parts.session_id += 'x'; }), State::kWrong);
  EXPECT_EQ(changed([](HelloParts& parts) { parts.cipher_suites = ""; }), State::kWrong);
  EXPECT_EQ(changed([](HelloParts& parts) { parts.cipher_suites += 'x'; }), State::kWrong);
  EXPECT_EQ(changed([](HelloParts& parts) { parts.compressions = ""; }), State::kWrong);
}

TEST(ClientHello, a_message_that_ends_early_is_wrong) {
  HelloParts parts;
  parts.extensions = server_name(host_entry("a.example"));
  const std::string body = parts.message().substr(4);
  for (std::size_t size = 0; size < body.size(); ++size) {
    // What ends before the extensions is as it was before there were any.
    const bool whole = size == 2 + 32 + 33 + 6 + 2;
    const State state = state_of(record('\1' + with_length(body.substr(0, size), 3)));
    EXPECT_EQ(state, whole ? State::kDone : State::kWrong) << size;
  }
}

TEST(ClientHello, what_is_not_tls_is_told_by_its_first_bytes) {
  EXPECT_EQ(state_of("GET / HTTP/1.1\r\n"), State::kNotTls);
  EXPECT_EQ(state_of("\x80\x2e\x01\x00\x02"), State::kNotTls);  // SSLv2
  EXPECT_EQ(state_of("\x15"), State::kNotTls);
  EXPECT_EQ(state_of("\x16\x02"), State::kNotTls);
  EXPECT_EQ(state_of("\x16\x03"), State::kNeedMore);
  EXPECT_EQ(state_of(""), State::kNeedMore);
}

TEST(ClientHello, records_have_to_be_good) {
  const std::string message = HelloParts{}.message();
  const std::string first = record(message.substr(0, 10));
  EXPECT_EQ(state_of(record("")), State::kWrong);
  EXPECT_EQ(state_of(first + record("") + record(message.substr(10))), State::kWrong);
  EXPECT_EQ(state_of(first + '\x15'), State::kWrong);
  EXPECT_EQ(state_of(first + "\x16\x04"), State::kWrong);
  EXPECT_EQ(state_of(bytes("\x16\3\1\x40\1")), State::kWrong);
  EXPECT_EQ(state_of(bytes("\x16\3\1\x40\0")), State::kNeedMore);
  EXPECT_EQ(state_of(record("\x02")), State::kWrong);  // a ServerHello
}

TEST(ClientHello, its_bound_is_on_all_that_comes) {
  HelloParts parts;
  const std::size_t rest = parts.message().size() + 4;
  // Four records of 16 KiB at most: the bound less five starts is what a message may have.
  parts.extensions = extension(0x0a0a, std::string(65536 - 5 * 4 - rest, 'x'));
  std::string most = in_records(parts.message(), 16384);
  ASSERT_EQ(most.size(), kClientHelloBytesMax);
  EXPECT_EQ(host_of(most), "");
  EXPECT_EQ(host_by_bytes(most, false), "");
  parts.extensions = extension(0x0a0a, std::string(65536 - 5 * 4 - rest + 1, 'x'));
  most = in_records(parts.message(), 16384);
  EXPECT_EQ(state_of(most), State::kWrong);
  EXPECT_EQ(state_of(most.substr(0, 16384)), State::kWrong);
  EXPECT_EQ(state_of(bytes("\x16\3\1\0\4\1\1\0\0")), State::kWrong);
  EXPECT_EQ(state_of(in_records(std::string("\1\0\x40\0", 4) + std::string(16384, 'x'), 1)),
            State::kWrong);
}

TEST(ClientHello, patience_saves_questions) {
  const std::string received = in_records(from_hex(kRealHellos[0].hex).substr(5), 1);
  ClientHelloReader reader;
  ClientHello hello;
  int questions = 0;
  for (std::size_t size = 0; size <= received.size(); ++size) {
    if (size < reader.needs()) continue;
    ++questions;
    if (reader.read(std::string_view(received).substr(0, size), hello) == State::kDone) break;
  }
  EXPECT_EQ(hello.host(), kRealHellos[0].host);
  EXPECT_LT(questions, 60);
}

}  // namespace
}  // namespace ouro::proxy

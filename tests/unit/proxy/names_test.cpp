// Names: what a service stands for, which slots its servers get, and how workers learn of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "proxy/named_place.h"
#include "proxy/resolver.h"
#include "proxy/service_choice.h"
#include "unit/proxy/addresses.h"

namespace ouro::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ServiceTarget target(std::uint16_t priority, std::uint16_t weight,
                     std::vector<std::string> addresses) {
  ServiceTarget made{priority, weight, 0, "", {}};
  for (const std::string& address : addresses) made.addresses.push_back(at(address));
  return made;
}

TEST(ServiceChoice, takes_the_best_priority_that_has_a_server) {
  EXPECT_THAT(
      choose_places({target(10, 5, {}), target(20, 1, {"10.0.0.2:1"}),
                     target(30, 1, {"10.0.0.3:1"}), target(20, 2, {"10.0.0.1:1"})}),
      ElementsAre(NamedPlace{at("10.0.0.2:1"), 1, false}, NamedPlace{at("10.0.0.1:1"), 2, false},
                  NamedPlace{at("10.0.0.3:1"), 1, true}));
  EXPECT_THAT(choose_places({}), IsEmpty());
}

TEST(ServiceChoice, keeps_the_ratios_of_weights) {
  const auto places = choose_places({target(1, 65535, {"10.0.0.1:1"}), target(1, 0, {"10.0.0.2:1"}),
                                     target(1, 32768, {"10.0.0.3:1"})});
  EXPECT_EQ(places[0].weight, 1000U);
  EXPECT_EQ(places[1].weight, 1U);
  EXPECT_EQ(places[2].weight, 500U);
}

TEST(ServiceChoice, has_no_address_twice) {
  EXPECT_THAT(choose_places({target(1, 1, {"10.0.0.1:1"}), target(2, 1, {"10.0.0.1:1"})}),
              ElementsAre(NamedPlace{at("10.0.0.1:1"), 1, false}));
}

NamedPlace place(const std::string& address) { return {at(address), 0, false}; }

const NamedPlace kNowhere;

TEST(Slots, are_kept_by_who_stays) {
  const auto free = [](std::size_t) { return true; };
  EXPECT_THAT(assign_places({kNowhere, place("10.0.0.2:1"), place("10.0.0.3:1"), kNowhere},
                            {place("10.0.0.1:1"), place("10.0.0.3:1")}, free),
              ElementsAre(place("10.0.0.1:1"), kNowhere, place("10.0.0.3:1"), kNowhere));
}

TEST(Slots, of_somebody_who_has_connections_are_not_reused) {
  const auto free = [](std::size_t index) { return index != 0; };
  EXPECT_THAT(assign_places({kNowhere, kNowhere}, {place("10.0.0.1:1"), place("10.0.0.2:1")}, free),
              ElementsAre(kNowhere, place("10.0.0.1:1")));
}

TEST(PublishedPlace, gives_what_was_published) {
  PublishedPlace published;
  EXPECT_EQ(published.read(), kNowhere);
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:65535", "[::ffff:10.0.0.1]:1"}) {
    const NamedPlace some{at(text), 1000, true};
    published.publish(some);
    EXPECT_EQ(published.read(), some) << text;
  }
  published.publish({});
  EXPECT_EQ(published.read(), kNowhere);
}

TEST(PublishedPlace, is_never_half_of_one_and_half_of_another) {
  PublishedPlace published;
  const NamedPlace one{at("[1111:1111:1111:1111:1111:1111:1111:1111]:4369"), 11, false};
  const NamedPlace other{at("[2222:2222:2222:2222:2222:2222:2222:2222]:8738"), 22, true};
  published.publish(one);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) published.publish(i % 2 == 0 ? other : one);
    done.store(true);
  });
  while (!done.load()) {
    const auto found = published.read();
    if (found) {
      EXPECT_TRUE(*found == one || *found == other);
    }
  }
  writer.join();
}

TEST(Hosts, are_found_by_all_their_names) {
  const Hosts hosts = parse_hosts(
      "# comment\n127.0.0.1\tlocalhost Local # more\n\n::1 localhost\r\nrubbish x\n10.0.0.1 db");
  EXPECT_THAT(hosts.at("localhost"), ElementsAre(at("127.0.0.1:0"), at("[::1]:0")));
  EXPECT_THAT(hosts.at("local"), ElementsAre(at("127.0.0.1:0")));
  EXPECT_THAT(hosts.at("db"), ElementsAre(at("10.0.0.1:0")));
  EXPECT_EQ(hosts.size(), 3U);
}

std::string message(const std::string& answers, int count) {
  return bytes("\0\1\x81\x80\0\1") + big_endian(static_cast<std::size_t>(count), 2) +
         bytes("\0\0\0\0") + bytes("\4_tcp\4test\0\0\x21\0\1") + answers;
}

std::string record(int ttl, const std::string& data) {
  return bytes("\xc0\x0c\0\x21\0\1") + big_endian(static_cast<std::size_t>(ttl), 4) +
         big_endian(data.size(), 2) + data;
}

Services parsed(const std::string& text) {
  return parse_services({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

TEST(Services, are_read_with_the_time_they_hold) {
  const Services services = parsed(message(
      record(60, bytes("\0\1\0\2\0\x50\1a\xc0\x11")) + record(30, bytes("\0\3\0\4\1\0\1b\4host\0")),
      2));
  ASSERT_EQ(services.found.size(), 2U);
  EXPECT_EQ(services.keep, std::chrono::seconds{30});
  EXPECT_EQ(services.found[0].priority, 1);
  EXPECT_EQ(services.found[0].weight, 2);
  EXPECT_EQ(services.found[0].port, 80);
  EXPECT_EQ(services.found[0].target, "a.test");
  EXPECT_EQ(services.found[1].port, 256);
  EXPECT_EQ(services.found[1].target, "b.host");
}

TEST(Services, that_are_cut_short_are_none) {
  const std::string whole = message(record(60, bytes("\0\1\0\2\0\x50\1a\4host\0")), 1);
  EXPECT_EQ(parsed(whole).found.size(), 1U);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(parsed(whole.substr(0, size)).found, IsEmpty()) << size;
  }
}

TEST(Services, may_be_said_to_be_none) {
  EXPECT_THAT(parsed(message(record(60, bytes("\0\0\0\0\0\0\0")), 1)).found, IsEmpty());
}

}  // namespace
}  // namespace ouro::proxy

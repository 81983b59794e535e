#include "study/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "study/runner.h"
#include "study/words.h"

namespace ouro::study {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kServers = R"(
[[server]]
name = "one"
command = "ouro echo --listen 127.0.0.1:{port}"
[[server]]
name = "two"
command = ["./two words", "{port}"]
)";

Plan plan_of(std::string_view text) {
  auto plan = parse_plan(text, "p.toml");
  EXPECT_TRUE(plan) << plan.error().what;
  return plan ? *plan : Plan{};
}

std::string trouble(std::string_view text) {
  const auto plan = parse_plan(text, "p.toml");
  return plan ? "nothing is wrong" : plan.error().what;
}

std::vector<std::string> names(const auto& items) {
  std::vector<std::string> all;
  for (const auto& item : items) all.push_back(item.name);
  return all;
}

TEST(Plan, the_three_that_are_built_in_are_good) {
  for (const char* name : {"quick", "seeds", "full"}) {
    ASSERT_TRUE(builtin_plan(name)) << name;
    const auto plan = parse_plan(*builtin_plan(name), name);
    ASSERT_TRUE(plan) << plan.error().what;
    EXPECT_FALSE(runs_of(*plan).empty());
  }
  EXPECT_FALSE(builtin_plan("slow"));
}

std::chrono::milliseconds expected_time_of(std::string_view name) {
  const Plan plan = plan_of(*builtin_plan(name));
  std::chrono::milliseconds sum{0};
  for (const Run& run : runs_of(plan)) sum += expected_time(*run.workload);
  return sum;
}

TEST(Plan, what_is_built_in_takes_as_long_as_it_says) {
  EXPECT_LT(expected_time_of("quick"), 3min);
  EXPECT_LT(expected_time_of("seeds"), 40min);
  EXPECT_LT(expected_time_of("full"), 30min);
}

TEST(Plan, a_command_is_a_line_or_its_words) {
  const Plan plan = plan_of(std::string(kServers) + "[[workload]]\n");
  EXPECT_THAT(plan.servers[0].command, ElementsAre("ouro", "echo", "--listen", "127.0.0.1:{port}"));
  EXPECT_THAT(plan.servers[1].command, ElementsAre("./two words", "{port}"));
}

TEST(Plan, what_a_workload_does_not_say_the_plan_says) {
  const Plan plan =
      plan_of("repetitions = 7\nduration = \"300ms\"\nwarmup = \"50ms\"" + std::string(kServers) +
              "[[workload]]\n[[workload]]\nduration = \"2s\""
              "\nsize = 4096\n");
  EXPECT_EQ(plan.workloads[0].name, "request 1KiB x 64");
  EXPECT_EQ(plan.workloads[0].repetitions, 7u);
  EXPECT_EQ(plan.workloads[0].duration, 300ms);
  EXPECT_EQ(plan.workloads[1].duration, 2s);
  EXPECT_EQ(plan.workloads[1].warm_up, 50ms);
}

TEST(Plan, lists_of_values_make_a_workload_of_each_combination) {
  const Plan plan = plan_of(std::string(kServers) + R"([[workload]]
size = [256, "4KiB"]
connections = [1, 8]
)");
  EXPECT_THAT(names(plan.workloads), ElementsAre("request 256 x 1", "request 256 x 8",
                                                 "request 4KiB x 1", "request 4KiB x 8"));
  EXPECT_THAT(plan.workloads[2].arguments, ElementsAre("--size", "4KiB", "--connections", "1"));
}

TEST(Plan, a_name_may_hold_the_values) {
  const Plan plan = plan_of(std::string(kServers) + R"([[workload]]
name = "{mode} of {connections}"
mode = ["request", "churn"]
connections = 5
verify = true
poisson = false
)");
  EXPECT_THAT(names(plan.workloads), ElementsAre("request of 5", "churn of 5"));
  EXPECT_THAT(plan.workloads[1].arguments,
              ElementsAre("--mode", "churn", "--connections", "5", "--verify"));
}

TEST(Plan, what_is_wrong_is_pointed_at) {
  const std::string servers(kServers);  // seven lines
  const auto with = [&servers](std::string_view rest) {
    return trouble(servers + std::string(rest));
  };
  EXPECT_THAT(trouble("x = = 1"), StartsWith("p.toml:1:5: "));
  EXPECT_THAT(trouble(servers), HasSubstr("p.toml:1:1: the plan has no [[workload]]"));
  EXPECT_THAT(trouble("repetition = 3\n" + servers + "[[workload]]"),
              StartsWith("p.toml:1:1: there is no key 'repetition' in a plan; there are"));
  EXPECT_THAT(trouble("repetitions = \"3\"\n" + servers + "[[workload]]"),
              StartsWith("p.toml:1:15: 'repetitions' is a number from 1 to 1000"));
  EXPECT_THAT(trouble("duration = \"2 parsecs\""),
              StartsWith("p.toml:1:12: duration: '2 parsecs'"));
  EXPECT_THAT(with("[[workload]]\n size = 0\n"), StartsWith("p.toml:9:9: size: '0' is not"));
  EXPECT_THAT(with("[[workload]]\nmode = \"fast\""), StartsWith("p.toml:9:8: mode: 'fast' is not"));
  EXPECT_THAT(with("[[workload]]\nconnections = [1, -2]"),
              StartsWith("p.toml:9:15: connections: '-2' is not a number"));
  EXPECT_THAT(with("[[workload]]\nmode = 'stream'\ndepth = 3"),
              StartsWith("p.toml:10:9: depth is for mode request and rate"));
  EXPECT_THAT(with("[[workload]]\nmode = 'rate'"),
              StartsWith("p.toml:9:8: mode rate needs a rate"));
  EXPECT_THAT(with("[[workload]]\nservers = ['three']"),
              StartsWith("p.toml:9:11: there is no [[server]] named 'three'"));
  EXPECT_THAT(with("[[workload]]\n[[workload]]\n"),
              StartsWith("p.toml:9:1: 'request 1KiB x 64' would be there twice"));
  EXPECT_THAT(with("[[workload]]\nconnections = [8, 4]\nthreads = 5"),
              StartsWith("p.toml:10:11: 5 threads are more than there are connections (4)"));
  EXPECT_THAT(with("[[workload]]\nduration = '50ms'"),
              StartsWith("p.toml:9:12: duration: '50ms' is not between 100ms and 24h"));
  EXPECT_THAT(with("[\x01]"), StartsWith("p.toml:8:2: "));
  EXPECT_THAT(with("[{a}]"), StartsWith("p.toml:8:2: "));
  EXPECT_THAT(with("x\u00df = 1"), StartsWith("p.toml:8:"));
  EXPECT_THAT(with("[[workload]]\nname = \"a\\u001b[31m\""),
              StartsWith("p.toml:9:8: 'name' holds a control character"));
  EXPECT_THAT(with("[[workload]]\nname = '" + std::string(101, 'n') + "'"),
              HasSubstr("a name has at most 100 letters"));
  EXPECT_THAT(with("[workload]\n"), StartsWith("p.toml:8:1: write [[workload]]"));
}

TEST(Plan, lists_that_multiply_have_a_bound) {
  std::string list = "[1";
  for (int i = 2; i <= 40; ++i) list += ", " + std::to_string(i);
  list += "]\n";
  const std::string text = std::string(kServers) + "[[workload]]\nconnections = " + list +
                           "size = " + list + "name = '{size} {connections}'\n";
  EXPECT_THAT(trouble(text), HasSubstr("the lists make more than 1000 workloads"));
}

TEST(Plan, a_server_without_a_place_to_listen_is_refused) {
  EXPECT_THAT(trouble("[[server]]\nname = 'x'\ncommand = './x'\n[[workload]]\n"),
              StartsWith("p.toml:3:11: the command has no {port}"));
  EXPECT_THAT(trouble("[[server]]\nname = 'x'\ncommand = \"./x 'y {port}\"\n[[workload]]\n"),
              StartsWith("p.toml:3:11: a quote in the command is never closed"));
  EXPECT_THAT(trouble("[[server]]\nname = 'x'\n[[workload]]\n"),
              StartsWith("p.toml:1:1: a [[server]] needs a name and a command"));
}

TEST(Plan, a_proxy_has_a_config_and_a_server_behind_it) {
  const std::string backend = "backend = 'echo {port}'\n";
  const std::string config = "config = \"\"\"\nlisten {port}\nto {backend}\n\"\"\"\n";
  const std::string begin = "[[server]]\nname = 'x'\ncommand = 'x {config}'\n";
  const Plan plan = plan_of(begin + backend + config + "[[workload]]\n");
  EXPECT_THAT(plan.servers[0].backend, ElementsAre("echo", "{port}"));
  EXPECT_EQ(plan.servers[0].config, "listen {port}\nto {backend}\n");
  EXPECT_THAT(plan.servers[0].words(),
              ElementsAre("x", "{config}", "#", "config:", "listen {port} to {backend} ", "#",
                          "before:", "echo", "{port}"));
  EXPECT_THAT(trouble(begin + config + "[[workload]]\n"), HasSubstr("a config and a backend"));
  EXPECT_THAT(trouble(begin + backend + "config = 'nowhere'\n[[workload]]\n"),
              StartsWith("p.toml:3:11: the command has no {port}"));
  EXPECT_THAT(trouble(begin + "backend = 'echo'\n" + config + "[[workload]]\n"),
              HasSubstr("the backend has no {port}"));
  EXPECT_THAT(trouble("[[server]]\nname = 'x'\ncommand = 'x {port}'\n" + backend + config +
                      "[[workload]]\n"),
              HasSubstr("a config and a backend"));
}

TEST(Plan, names_that_would_share_a_file_are_refused) {
  EXPECT_THAT(trouble("[[server]]\nname = 'a b'\ncommand = 'x {port}'\n"
                      "[[server]]\nname = 'A-b'\ncommand = 'x {port}'\n[[workload]]\n"),
              StartsWith("p.toml:5:8: 'A-b' is too much like 'a b'"));
  EXPECT_THAT(trouble("[[server]]\nname = '...'\ncommand = 'x {port}'\n[[workload]]\n"),
              StartsWith("p.toml:2:8: a name needs a letter or a digit"));
}

TEST(Plan, nothing_that_is_no_plan_breaks_it) {
  for (const char* text : {"", "\xff\xfe", "server = 1", "[[server]]", "server = [1, 2]",
                           "[[workload]]\n[[server]]\n", "server = []\nworkload = []",
                           "[server]\n[workload]\n", "[[server]]\nname = 1\ncommand = []\n"}) {
    EXPECT_THAT(trouble(text), StartsWith("p.toml:")) << text;
  }
}

TEST(Plan, candidates_take_turns) {
  const Plan plan = plan_of("repetitions = 2" + std::string(kServers) +
                            "[[workload]]\n[[workload]]\nsize = 1\nservers = ['two']\n");
  std::vector<std::string> files;
  for (const auto& run : runs_of(plan)) files.push_back(run.file_name());
  EXPECT_THAT(files, ElementsAre("request-1kib-x-64.one.1.json", "request-1kib-x-64.two.1.json",
                                 "request-1kib-x-64.one.2.json", "request-1kib-x-64.two.2.json",
                                 "request-1-x-64.two.1.json", "request-1-x-64.two.2.json"));
}

TEST(PlanChanges, a_peer_comes_last_and_meets_every_workload) {
  Plan plan = plan_of(std::string(kServers) + "[[workload]]\nservers = ['one']\n");
  const auto peer = parse_peer("mine=./mine --port={port} 'a b'");
  ASSERT_TRUE(peer) << peer.error().what;
  ASSERT_TRUE(change_plan(plan, {.peers = {*peer}, .only = "", .repetitions = 1, .duration = 1s}));
  EXPECT_THAT(names(plan.servers), ElementsAre("one", "two", "mine"));
  EXPECT_THAT(plan.servers[2].command, ElementsAre("./mine", "--port={port}", "a b"));
  EXPECT_EQ(runs_of(plan).size(), 2u);
  EXPECT_EQ(plan.workloads[0].duration, 1s);
}

TEST(PlanChanges, a_peer_that_cannot_be_is_refused) {
  for (const char* text : {"", "x", "=y {port}", "x=", "x=y", "x=y '{port}", "-=y {port}"}) {
    EXPECT_FALSE(parse_peer(text)) << text;
  }
  Plan plan = plan_of(std::string(kServers) + "[[workload]]\n");
  const auto changed =
      change_plan(plan, {.peers = {{"ONE", {"x"}}}, .only = "", .repetitions = {}, .duration = {}});
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().what, HasSubstr("'ONE' is called like the plan's server 'one'"));
}

TEST(PlanChanges, only_keeps_what_has_the_text_in_its_name) {
  const auto kept = [](const std::string& only) {
    Plan plan = plan_of(std::string(kServers) + "[[workload]]\n[[workload]]\nsize = 77\n");
    EXPECT_TRUE(change_plan(plan, {.peers = {}, .only = only, .repetitions = {}, .duration = {}}));
    return runs_of(plan).size();
  };
  EXPECT_EQ(kept("two"), 2u * 3);
  EXPECT_EQ(kept("77"), 2u * 3);
  EXPECT_EQ(kept(""), 4u * 3);
  Plan plan = plan_of(std::string(kServers) + "[[workload]]\n");
  const auto none =
      change_plan(plan, {.peers = {}, .only = "x9", .repetitions = {}, .duration = {}});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().what, HasSubstr("has 'x9' in its name; the first are 'one' and"));
}

TEST(Words, are_taken_apart_as_a_shell_would) {
  EXPECT_THAT(*split_words("  a 'b c'  \"d 'e\" f\\ g h'i'j '' "),
              ElementsAre("a", "b c", "d 'e", "f g", "hij", ""));
  EXPECT_FALSE(split_words(" "));
  EXPECT_FALSE(split_words("a 'b"));
}

TEST(Words, put_together_and_taken_apart_are_the_same) {
  const std::vector<std::string> words{"a", "", "b c", "it's", "x\\y", "say \"z\"", "$HOME"};
  EXPECT_EQ(*split_words(join_words(words)), words) << join_words(words);
}

TEST(Words, a_value_that_holds_the_mark_is_not_filled_in_again) {
  EXPECT_EQ(filled_in("{port} {port}", "port", "{port}"), "{port} {port}");
  EXPECT_EQ(filled_in("x{port}y{bench}", "port", "7"), "x7y{bench}");
}

TEST(Pinning, server_and_generator_have_cpus_of_their_own_where_there_are_two) {
  EXPECT_EQ(choose_cpus({3, 5, 7}).server, 3u);
  EXPECT_EQ(choose_cpus({3, 5, 7}).generator, 5u);
  EXPECT_EQ(choose_cpus({4}).server, 4u);
  EXPECT_EQ(choose_cpus({4}).generator, 4u);
}

}  // namespace
}  // namespace ouro::study

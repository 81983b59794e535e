#include "load/json_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "unit/load/sample_results.h"

namespace ouro::load {
namespace {

using Json = nlohmann::json;

Json parsed(const Results& results) { return Json::parse(json_report(results, "1.2.3")); }

TEST(JsonReport, names_its_schema_and_its_maker) {
  const Json json = parsed(sample_results());
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["ouro"], "1.2.3");
  EXPECT_GE(json["machine"]["cpus"], 1);
  EXPECT_FALSE(json["machine"]["kernel"].get<std::string>().empty());
}

TEST(JsonReport, holds_the_totals) {
  const Json json = parsed(sample_results());
  EXPECT_EQ(json["engine"], "uring");
  EXPECT_EQ(json["measured_ns"], 5'000'000'000);
  EXPECT_EQ(json["requests"], 5000);
  EXPECT_EQ(json["requests_per_second"], 1000);
  EXPECT_EQ(json["options"]["mode"], "request");
  EXPECT_EQ(json["options"]["duration_ns"], 10'000'000'000);
  EXPECT_TRUE(json["options"]["warm_up_ns"].is_null());
  EXPECT_EQ(json["errors"], Json::object());
  EXPECT_EQ(json["remarks"], Json::array());
}

TEST(JsonReport, the_cells_of_a_histogram_make_it_again) {
  const Results results = sample_results();
  const Json json = parsed(results)["service"];
  Histogram again;
  for (const Json& cell : json["cells"]) {
    for (std::uint64_t i = 0; i < cell[1]; ++i) again.add(cell[0]);
  }
  EXPECT_EQ(again.count(), 5000u);
  for (std::size_t cell = 0; cell < Histogram::kCells; ++cell) {
    ASSERT_EQ(again.in_cell(cell), results.service.in_cell(cell));
  }
  EXPECT_EQ(json["p99_9_ns"], results.service.quantile(0.999));
  EXPECT_EQ(json["max_ns"], 500'000);
  EXPECT_EQ(parsed(results)["late_sends"]["cells"], Json::array());
}

TEST(JsonReport, connections_and_seconds_are_columns) {
  const Json json = parsed(sample_results());
  EXPECT_EQ(json["connections"]["requests"], Json({1250, 1250, 1250, 1250}));
  EXPECT_EQ(json["connections"]["first_service_ns"], Json({80000, 80000, 80000, 80000}));
  EXPECT_EQ(json["timeline"]["requests"], Json({1000, 1000, 1000, 1000, 1000}));
  EXPECT_EQ(json["timeline"]["length_ns"][0], 1'000'000'000);
  EXPECT_EQ(json["fairness"]["share"]["p50"], 250);
}

TEST(JsonReport, what_was_not_found_out_is_null) {
  Results results = sample_results();
  results.connections.clear();
  const Json json = parsed(results);
  EXPECT_TRUE(json["server"].is_null());
  EXPECT_TRUE(json["fairness"].is_null());
  EXPECT_TRUE(json["first_corruption"].is_null());
}

TEST(JsonReport, what_was_found_out_is_there) {
  Results results = sample_results();
  results.server = ServerResult{42, 3, 0.5, 1.5, 77, 1000, 2000};
  results.first_corruption = Corruption{1, 2, 3, 4};
  results.errors = {{"reset", 9}};
  results.interrupted = true;
  const Json json = parsed(results);
  EXPECT_EQ(json["server"]["kernel_ns"], 1'500'000'000);
  EXPECT_EQ(json["server"]["memory_bytes"], 2000);
  EXPECT_EQ(json["first_corruption"]["offset"], 2);
  EXPECT_EQ(json["errors"]["reset"], 9);
  EXPECT_EQ(json["remarks"].size(), 2u);  // interrupted, and the errors
}

TEST(JsonReport, names_that_are_not_utf_8_do_not_break_it) {
  Results results = sample_results();
  results.options.target.text = "unix:/tmp/\xff\"\n";
  results.errors = {{"\xc3", 1}};
  EXPECT_EQ(parsed(results)["options"]["target"], "unix:/tmp/\xef\xbf\xbd\"\n");
}

TEST(JsonReport, a_run_that_found_nothing_is_json_too) {
  EXPECT_EQ(parsed(Results{})["requests"], 0);
}

TEST(JsonReport, has_a_line_for_each_member) {
  const std::string text = json_report(sample_results(), "1");
  const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  EXPECT_EQ(lines, Json::parse(text).size() + 2);
}

}  // namespace
}  // namespace ouro::load

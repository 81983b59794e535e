// A run's figures in words and tables, before they become lines or a page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/results.h"

namespace ouro::load {

struct SummaryRow {
  std::string name;
  std::vector<std::string> cells;
};

struct SummarySection {
  std::string name;                  // empty: its rows need no heading
  std::vector<std::string> columns;  // empty: the cells are words, not figures
  std::vector<SummaryRow> rows;
  std::string note;
};

// Everything but the remarks, in the order in which it is told.
[[nodiscard]] std::vector<SummarySection> summarize(const Results& results);

// "request, 64 connections, 1.00 KiB messages, depth 1".
[[nodiscard]] std::string load_text(const LoadOptions& options);
// What a request is called: in a stream nobody asks.
[[nodiscard]] std::string_view request_name(Mode mode) noexcept;
// A second's worth of something; 0 of a run that measured nothing.
[[nodiscard]] double per_second(const Results& results, std::uint64_t amount) noexcept;
// "ok", "off", or where the first wrong byte came.
[[nodiscard]] std::string verification_text(const Results& results);
// "none", or how many of each kind.
[[nodiscard]] std::string errors_text(const Results& results);

// Why the percentiles of a run that waits for answers look better than a user's.
inline constexpr std::string_view kClosedLoopNote =
    "closed loop: a stalled server is asked less, so percentiles hide stalls";
inline constexpr std::string_view kOpenLoopNote =
    "open loop: requests leave by a schedule, so a stall counts for all that were due in it";

}  // namespace ouro::load

// The words and figures that the Markdown and the HTML of a report share.
#pragma once

#include <string>
#include <vector>

#include "study/analysis.h"

namespace ouro::study {

// Of a workload's table. The first is the server's name, the last a remark.
[[nodiscard]] std::vector<std::string> columns(const WorkloadResult& workload);
[[nodiscard]] std::vector<std::string> cells(const WorkloadResult& workload, const Row& row);

// "187 k/s", or "9.10 Gbit/s" of a stream.
[[nodiscard]] std::string rate_text(load::Mode mode, double rate);

// One line on each machine that runs were made on.
[[nodiscard]] std::vector<std::string> machine_lines(const Analysis& analysis);
// How it was measured and how to read the tables, a paragraph each.
[[nodiscard]] std::vector<std::string> method_lines(const Analysis& analysis);
// What went wrong with a server, and what it said itself.
[[nodiscard]] std::string finding_line(const Finding& finding);

// For progress in a pipe: "request 1KiB x 64: io_uring 187 k/s, epoll 180 k/s (0.961)".
[[nodiscard]] std::string one_line(const WorkloadResult& workload);

}  // namespace ouro::study

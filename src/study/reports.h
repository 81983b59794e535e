// A study's findings, for people and for programs: Markdown, one self-contained page, JSON.
#pragma once

#include <string>
#include <string_view>

#include "study/analysis.h"

namespace ouro::study {

[[nodiscard]] std::string markdown_report(const Analysis& analysis);
// With charts; needs no network and no script.
[[nodiscard]] std::string html_report(const Analysis& analysis, std::string_view version);
// docs/study.md explains the schema.
[[nodiscard]] std::string summary_json(const Analysis& analysis, std::string_view version);

}  // namespace ouro::study

// How a page of metrics is written, as Prometheus reads it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace ouro::host {

// Appends lines; each family of metrics begins with what it is.
class MetricsPage {
 public:
  explicit MetricsPage(std::string& text) noexcept : text_(text) {}

  void family(std::string_view name, std::string_view kind, std::string_view help) {
    fmt::format_to(out(), "# HELP ouro_{0} {2}\n# TYPE ouro_{0} {1}\n", name, kind, help);
  }
  void value(std::string_view name, auto value) {
    fmt::format_to(out(), "ouro_{} {}\n", name, value);
  }
  // `labels` as they stand in braces: worker="0".
  void value(std::string_view name, std::string_view labels, auto value) {
    fmt::format_to(out(), "ouro_{}{{{}}} {}\n", name, labels, value);
  }
  // A family of one.
  void single(std::string_view name, std::string_view kind, std::string_view help,
              std::uint64_t number) {
    family(name, kind, help);
    value(name, number);
  }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  std::string& text_;
};

}  // namespace ouro::host

// How pages that hold reports look, light or dark as the reader's system is.
#pragma once

#include <string_view>

namespace ouro::load {

// CSS, to stand before chart_style().
[[nodiscard]] std::string_view page_style() noexcept;

}  // namespace ouro::load

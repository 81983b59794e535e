// What an HTTP server answers, whole and cut at every place that the first byte says: the same has
// to be found.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "load/http_response.h"

namespace {

using ouro::load::HttpResponseReader;

// The statuses of the responses that were found; -1: garbage.
std::vector<int> found_in(std::string_view text, std::size_t piece) {
  std::vector<int> statuses;
  HttpResponseReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    std::string_view bytes = text.substr(at, piece);
    for (;;) {
      const auto found = reader.read(bytes);
      if (found == HttpResponseReader::Found::kGarbage) {
        statuses.push_back(-1);
        return statuses;
      }
      if (found == HttpResponseReader::Found::kNothing) break;
      statuses.push_back(reader.status());
    }
    OURO_CHECK(bytes.empty());
  }
  if (reader.ended()) statuses.push_back(reader.status());
  return statuses;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  OURO_CHECK(found_in(text, size) == found_in(text, 1 + data[0]));
  return 0;
}

#include "base/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace ouro {
namespace {

// Letters to insert, remove or replace to make one word the other (Levenshtein), row by row.
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
  // More than this many letters of difference is another word, not a slip.
  std::size_t least = word.size() / 3 + 2;
  std::string found;
  for (const std::string& candidate : words) {
    // What was only begun is like its whole: --max for --max-connections.
    const bool begun = word.size() >= 4 && candidate.starts_with(word);
    const std::size_t difference = begun ? 0 : distance(word, candidate);
    if (difference >= least) continue;
    least = difference;
    found = candidate;
  }
  return found;
}

}  // namespace ouro

#include "proxy/balance/two_choices.h"

namespace ouro::proxy {

int TwoChoices::pick(std::span<const Candidate> candidates, std::uint64_t /*client*/) noexcept {
  std::uint64_t total = 0;
  for (const Candidate& candidate : candidates) {
    if (candidate.eligible()) total += candidate.weight;
  }
  if (total == 0) return -1;
  const int first = draw(candidates, -1, total);
  const Candidate& one = candidates[static_cast<std::size_t>(first)];
  if (one.weight == total) return first;
  const int second = draw(candidates, first, total - one.weight);
  return less_loaded(candidates[static_cast<std::size_t>(second)], one) ? second : first;
}

int TwoChoices::draw(std::span<const Candidate> candidates, int except,
                     std::uint64_t total) noexcept {
  std::uint64_t left = random_.below(total);
  for (int i = 0;; ++i) {
    const Candidate& candidate = candidates[static_cast<std::size_t>(i)];
    if (i == except || !candidate.eligible()) continue;
    if (left < candidate.weight) return i;
    left -= candidate.weight;
  }
}

}  // namespace ouro::proxy

#include "sim/faults.h"

#include <algorithm>
#include <bit>
#include <cstdio>

namespace ouro::sim {
namespace {

constexpr std::array<const char*, kFaults> kNames = {
#define OURO_NAME(name, words) #name,
    OURO_FAULTS(OURO_NAME)
#undef OURO_NAME
};
constexpr std::array<const char*, kFaults> kWords = {
#define OURO_WORDS(name, words) words,
    OURO_FAULTS(OURO_WORDS)
#undef OURO_WORDS
};

}  // namespace

Faults::Faults(test::Random& random) : random_(random) {
  const int wanted = static_cast<int>(kFaultsMin + random.next() % 5);
  for (std::uint64_t n = 0; std::popcount(kinds_) < wanted; ++n) {
    kinds_ |= 1u << (random.next() + n) % kFaults;  // a script may say the same for ever
  }
}

bool Faults::strikes(Fault fault, std::uint64_t odds) {
  if (!on(fault) || random_.next() % odds != 0) return false;
  count(fault);
  return true;
}

std::string Faults::kinds() const {
  std::string text;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if ((kinds_ >> i & 1) != 0) text += (text.empty() ? "" : ", ") + std::string(kNames[i]);
  }
  return text;
}

void FaultCounts::add(const FaultCounts& other) {
  for (std::size_t i = 0; i < kFaults; ++i) count[i] += other.count[i];
}

std::string FaultCounts::to_string() const {
  std::string text;
  for (std::size_t i = 0; i < kFaults; ++i) {
    char line[160];
    std::snprintf(line, sizeof line, "  %12llu  %s\n", static_cast<unsigned long long>(count[i]),
                  kWords[i]);
    text += line;
  }
  return text;
}

}  // namespace ouro::sim

#include "sim/world.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace ouro::sim {

void Events::at(std::uint64_t when, std::function<void()> what) {
  heap_.push_back({std::max(when, now_), number_++, std::move(what)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void Events::run_due() {
  while (!heap_.empty() && heap_.front().when <= now_) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const auto what = std::move(heap_.back().what);
    heap_.pop_back();
    what();
  }
}

bool Events::advance_to(std::uint64_t limit) {
  if (heap_.empty() && limit == ~std::uint64_t{0}) return false;
  const std::uint64_t next = heap_.empty() ? limit : std::min(limit, heap_.front().when);
  now_ = std::max(now_, next);
  return true;
}

Errc World::failure(const char* operation, std::initializer_list<Errc> errors) {
  if (++planned.seen != planned.at) return Errc::kNone;
  planned.possible = errors.size();
  planned.operation = operation;
  const Errc error = planned.error < errors.size() ? errors.begin()[planned.error] : Errc::kNone;
  trace("%s fails: %s", operation, to_string(error));
  return error;
}

void World::trace(const char* format, ...) {
  if (!tracing) return;
  std::fprintf(stderr, "%12.6f ", static_cast<double>(events.now() % (1000 * kSecond)) / 1e9);
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(stderr, format, arguments);
  va_end(arguments);
  std::fputc('\n', stderr);
}

}  // namespace ouro::sim

#include "os/memory_reserve.h"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace ouro::os {
namespace {

std::size_t reserve_bytes = 0;
void* reserve = nullptr;

// Called when an allocation has failed, which is then tried again.
void spend_reserve() {
  if (reserve == nullptr) {
    std::set_new_handler(nullptr);
    return;
  }
  std::free(reserve);
  reserve = nullptr;
}

}  // namespace

void set_memory_aside(std::size_t bytes) noexcept {
  reserve_bytes = bytes;
  (void)memory_is_short();
}

bool memory_is_short() noexcept {
  if (reserve != nullptr || reserve_bytes == 0) return false;
  ::malloc_trim(0);  // what was freed may lie at the end of the heap, a little too small
  reserve = std::malloc(reserve_bytes);
  if (reserve == nullptr) return true;
  std::set_new_handler(spend_reserve);
  return false;
}

}  // namespace ouro::os

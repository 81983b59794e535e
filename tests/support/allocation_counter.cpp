#include "allocation_counter.h"

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OURO_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OURO_SANITIZED 1
#endif
#endif

namespace ouro::test {
namespace {

thread_local constinit std::uint64_t allocations = 0;

}  // namespace

std::uint64_t allocations_of_this_thread() noexcept { return allocations; }

}  // namespace ouro::test

#ifdef OURO_SANITIZED

// The sanitizers own the allocator, and call this for every allocation if it is there.
extern "C" void __sanitizer_malloc_hook(const volatile void*, std::size_t) {
  ++ouro::test::allocations;
}

#else

// The C library's own allocator under its other name; malloc, and so operator new, goes through us.
extern "C" void* __libc_malloc(std::size_t size);  // NOLINT(bugprone-reserved-identifier)

extern "C" void* malloc(std::size_t size) {
  ++ouro::test::allocations;
  return __libc_malloc(size);
}

#endif

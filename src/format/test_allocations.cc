#include "format/test_allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<size_t> live_bytes{0};
std::atomic<size_t> start_bytes{0};
std::atomic<size_t> peak_bytes{0};

}  // namespace

// In a file of its own: inlined at a call, GCC takes the pair for a mismatch.
void* operator new(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  const size_t live = live_bytes += malloc_usable_size(memory);
  if (live > peak_bytes) peak_bytes = live;
  return memory;
}
// AddressSanitizer has one of its own, whose memory the operators below do not take.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}

namespace signum::format {

void ResetPeak() { start_bytes = peak_bytes = live_bytes.load(); }
size_t PeakBytes() { return peak_bytes - start_bytes; }

}  // namespace signum::format

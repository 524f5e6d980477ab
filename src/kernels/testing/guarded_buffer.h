// Memory for kernel tests that catches what a kernel must not touch: pages that fault lie
// in front of it and behind it, and it starts out poisoned.
#ifndef SIGNUM_KERNELS_TESTING_GUARDED_BUFFER_H_
#define SIGNUM_KERNELS_TESTING_GUARDED_BUFFER_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace signum::kernels {

// The end at which a buffer touches the page that faults. At the other end there are up to
// a page of bytes between them, so tests run with both.
enum class Flush { kEnd, kStart };
inline constexpr Flush kBothEnds[] = {Flush::kEnd, Flush::kStart};

// `size` values of a trivial T, every byte kPoison. With kEnd the start is aligned as the
// size happens to leave it, with kStart to a page. The test fails where bytes between the
// buffer and the pages that fault were written.
template <typename T>
class GuardedBuffer {
 public:
  static constexpr uint8_t kPoison = 0xa5;

  explicit GuardedBuffer(size_t size, Flush flush = Flush::kEnd) : size_(size) {
    page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    usable_ = (size * sizeof(T) + page_ - 1) / page_ * page_;
    void* mapped = mmap(nullptr, usable_ + 2 * page_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SIGNUM_CHECK(mapped != MAP_FAILED);
    base_ = static_cast<uint8_t*>(mapped) + page_;
    SIGNUM_CHECK(mprotect(base_ - page_, page_, PROT_NONE) == 0);
    SIGNUM_CHECK(mprotect(base_ + usable_, page_, PROT_NONE) == 0);
    const size_t slack = flush == Flush::kEnd ? usable_ - size * sizeof(T) : 0;
    data_ = reinterpret_cast<T*>(base_ + slack);
    std::memset(base_, kPoison, usable_);
  }
  explicit GuardedBuffer(std::span<const T> values, Flush flush = Flush::kEnd)
      : GuardedBuffer(values.size(), flush) {
    if (!values.empty()) std::memcpy(data_, values.data(), values.size_bytes());
  }
  ~GuardedBuffer() {
    const auto written = [](uint8_t byte) { return byte != kPoison; };
    const auto* begin = reinterpret_cast<const uint8_t*>(data_);
    const uint8_t* end = begin + size_ * sizeof(T);
    EXPECT_TRUE(std::none_of(static_cast<const uint8_t*>(base_), begin, written))
        << "wrote in front of a buffer";
    EXPECT_TRUE(std::none_of(end, static_cast<const uint8_t*>(base_) + usable_, written))
        << "wrote behind a buffer";
    munmap(base_ - page_, usable_ + 2 * page_);
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](int64_t index) { return data_[index]; }
  const T& operator[](int64_t index) const { return data_[index]; }

  // Whether every byte of the value at `index` still holds the poison.
  bool IsPoison(int64_t index) const {
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(data_ + index);
    for (size_t i = 0; i < sizeof(T); ++i) {
      if (bytes[i] != kPoison) return false;
    }
    return true;
  }

 private:
  size_t size_;
  size_t page_ = 0, usable_ = 0;  // bytes
  uint8_t* base_ = nullptr;       // behind the first page that faults
  T* data_ = nullptr;
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_GUARDED_BUFFER_H_

// Memory for kernel tests that catches what a kernel must not touch: it ends at
// a page that faults, and starts out poisoned.
#ifndef SIGNUM_KERNELS_TESTING_GUARDED_BUFFER_H_
#define SIGNUM_KERNELS_TESTING_GUARDED_BUFFER_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace signum::kernels {

// `size` values of a trivial T, every byte kPoison; the first byte behind them
// faults. The start is aligned as the size happens to leave it.
template <typename T>
class GuardedBuffer {
 public:
  static constexpr uint8_t kPoison = 0xa5;

  explicit GuardedBuffer(size_t size) : size_(size) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t usable = (size * sizeof(T) + page - 1) / page * page;
    mapped_bytes_ = usable + page;
    void* mapped =
        mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SIGNUM_CHECK(mapped != MAP_FAILED);
    base_ = static_cast<uint8_t*>(mapped);
    SIGNUM_CHECK(mprotect(base_ + usable, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(base_ + usable - size * sizeof(T));
    std::memset(base_, kPoison, usable);
  }
  explicit GuardedBuffer(std::span<const T> values) : GuardedBuffer(values.size()) {
    if (!values.empty()) std::memcpy(data_, values.data(), values.size_bytes());
  }
  ~GuardedBuffer() { munmap(base_, mapped_bytes_); }
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
  size_t mapped_bytes_ = 0;
  uint8_t* base_ = nullptr;
  T* data_ = nullptr;
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_GUARDED_BUFFER_H_

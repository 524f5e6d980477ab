// Bytes that start at a cache line. Owns them; knows nothing of what they hold.
#ifndef SIGNUM_RUNTIME_ALIGNED_BUFFER_H_
#define SIGNUM_RUNTIME_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "base/rounding.h"

namespace signum::runtime {

inline constexpr size_t kAlignment = 64;

// `bytes` rounded up to a multiple of kAlignment.
inline constexpr int64_t AlignUp(int64_t bytes) { return base::RoundUp(bytes, kAlignment); }

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Zeroed. Throws std::bad_alloc where there is no memory.
  explicit AlignedBuffer(size_t bytes)
      : bytes_(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}))),
        size_(bytes) {
    std::memset(bytes_.get(), 0, bytes);
  }

  std::byte* data() const { return bytes_.get(); }
  size_t size() const { return size_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(bytes_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* bytes) const {
      ::operator delete (bytes, std::align_val_t{kAlignment});
    }
  };
  std::unique_ptr<std::byte, Free> bytes_;
  size_t size_ = 0;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_ALIGNED_BUFFER_H_

// Step: one compiled operation. Steps are immutable, so that sessions share
// them; what changes while they run is in the RunContext.
#ifndef SIGNUM_RUNTIME_STEP_H_
#define SIGNUM_RUNTIME_STEP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/rounding.h"
#include "base/thread_pool.h"
#include "runtime/value.h"

namespace signum::runtime {

// What a step works on in one run.
struct RunContext {
  int64_t batch = 1;  // images in this run, at most max_batch
  const float* images = nullptr;
  float* outputs = nullptr;

  std::byte* arena = nullptr;
  const Storage* storages = nullptr;
  int64_t max_batch = 1;  // offsets and sizes of storages are per image
  std::byte* scratch = nullptr;
  int64_t scratch_bytes = 0;  // per thread
  ThreadPool* pool = nullptr;

  // Where `value` starts: the first image's elements, or its ring.
  template <typename T>
  T* At(const Value& value) const {
    return reinterpret_cast<T*>(arena + storages[value.storage].offset * max_batch);
  }
  // This thread's scratch, of at least the bytes that the step asked for.
  std::byte* Scratch(int thread) const { return scratch + thread * scratch_bytes; }
};

class Step {
 public:
  Step() = default;
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;

  // Does not allocate. The result depends on the inputs alone, not on the batch
  // size, the number of threads or which thread did what.
  virtual void Run(const RunContext& context) const = 0;

  // Scratch that each thread needs, in bytes.
  virtual int64_t scratch_bytes() const { return 0; }
};

// Splits [0, count) into ranges of about `grain` and calls body(begin, end,
// thread) for each.
template <typename Body>
void ParallelRanges(const RunContext& context, int64_t count, int64_t grain, const Body& body) {
  const int64_t pieces = base::DivideUp(count, grain);
  context.pool->ParallelFor(pieces, [&](int64_t piece, int thread) {
    body(piece * grain, std::min(count, (piece + 1) * grain), thread);
  });
}

// Elements that one thread takes at a time of cheap work: less is not worth waking it.
inline constexpr int64_t kElementGrain = 16384;

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_STEP_H_

// Where each storage lies in the arena. Knows lifetimes and sizes only.
#ifndef SIGNUM_RUNTIME_MEMORY_PLAN_H_
#define SIGNUM_RUNTIME_MEMORY_PLAN_H_

#include <cstdint>
#include <vector>

#include "runtime/value.h"

namespace signum::runtime {

// Sets the offset of every storage so that storages alive at the same step do
// not overlap, and returns the bytes of the arena; both are per image and
// multiples of kAlignment. Greedy by size (Pisarchyk and Lee, "Efficient Memory
// Management for Deep Neural Net Inference", arXiv:2001.03288, section 5.2).
int64_t PlanMemory(std::vector<Storage>& storages);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_MEMORY_PLAN_H_

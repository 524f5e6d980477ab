// What the kernels of every op have in common: the sizes that callers pad to,
// and how one kernel of an op is chosen for a CPU, with the reasons.
// Kernels know no graph and no quantizer; they allocate nothing while they run,
// start no threads, and may be called from several threads at once.
#ifndef SIGNUM_KERNELS_KERNEL_H_
#define SIGNUM_KERNELS_KERNEL_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/cpu.h"

namespace signum::kernels {

// Packed weights may be split between calls at any multiple of this many
// columns (output channels): the columns from n0 on start packed_bytes(n0, depth)
// bytes into the packed weights.
inline constexpr int64_t kColumnMultiple = 16;

// Packed weights are read fastest where they start at a multiple of this many
// bytes; any address is correct.
inline constexpr int64_t kPackedAlignment = 64;

// A kernel that would be faster than the one chosen, and why it was not taken.
struct Refusal {
  std::string kernel;
  std::string reason;
};

// The chosen kernel (one of the static descriptors, never null) and every one
// ranked above it.
template <typename Kernel>
struct Selection {
  const Kernel* kernel = nullptr;
  std::vector<Refusal> refused;
};

// The first of `ranked` (best first, the reference last) that both `allowed` and
// this CPU admit.
template <typename Kernel>
Selection<Kernel> SelectFirst(std::span<const Kernel* const> ranked, Isa allowed) {
  Selection<Kernel> selection;
  for (const Kernel* kernel : ranked) {
    const std::string needs = std::string("needs ") + IsaName(kernel->isa);
    if (kernel->isa > DetectIsa()) {
      selection.refused.push_back(
          {kernel->name, needs + "; this CPU reaches only " + IsaName(DetectIsa())});
    } else if (kernel->isa > allowed) {
      selection.refused.push_back(
          {kernel->name, needs + "; only " + IsaName(allowed) + " is allowed"});
    } else {
      selection.kernel = kernel;
      break;
    }
  }
  SIGNUM_CHECK(selection.kernel != nullptr);
  return selection;
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_KERNEL_H_

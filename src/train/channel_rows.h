// How a tensor lies in memory, for loops of our own over it: dense, or as rows of channels.
#ifndef SIGNUM_TRAIN_CHANNEL_ROWS_H_
#define SIGNUM_TRAIN_CHANNEL_ROWS_H_

#include <torch/torch.h>

#include <algorithm>

namespace signum::train {

// Sums are taken over blocks of this many elements and then in block order, so
// that they do not depend on the number of threads.
constexpr int64_t kBlock = 1 << 14;

// Whether x is floats on the CPU without gaps, in the order of its memory format.
inline bool IsDense(const torch::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == torch::kFloat &&
         x.is_contiguous(x.suggest_memory_format());
}

// Whether x, {n, c, ...}, is dense and its channels lie side by side: n * ... rows of c values.
inline bool HasChannelRows(const torch::Tensor& x) {
  return IsDense(x) &&
         (x.dim() == 2 || x.suggest_memory_format() != torch::MemoryFormat::Contiguous);
}

// The rows of a block.
inline int64_t BlockRows(int64_t channels) { return std::max<int64_t>(1, kBlock / channels); }

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_CHANNEL_ROWS_H_

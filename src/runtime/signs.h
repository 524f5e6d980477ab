// Signs: a 1-bit quantizer of a value that is codes already, by a threshold for each
// channel. Private to the runtime.
#ifndef SIGNUM_RUNTIME_SIGNS_H_
#define SIGNUM_RUNTIME_SIGNS_H_

#include <cstdint>
#include <vector>

#include "kernels/code_signs/code_signs.h"
#include "runtime/row_block.h"
#include "runtime/step.h"
#include "runtime/value.h"

namespace signum::runtime {

// What a Signs is made of. `shift`: one for each channel of a row, or empty for 0.
struct SignsSpec {
  Value codes, output;
  std::vector<float> shift;
  const kernels::CodeSignsKernel* kernel = nullptr;
  std::vector<kernels::Refusal> refused;
};

class Signs {
 public:
  // Of rows of `channels`.
  Signs(const SignsSpec& spec, int64_t channels);

  int64_t channels() const { return channels_; }
  bool is_dense() const { return codes_.is_dense() && output_.is_dense(); }

  // Channels [first, first + count) of the block's rows, whose codes are there; `first` is a
  // multiple of 8 where the output is bits. The first channels fill the ring, too.
  void Run(const RunContext& context, const RowBlock& block, int64_t first, int64_t count) const;

 private:
  Value codes_, output_;
  const kernels::CodeSignsKernel* kernel_;
  int64_t channels_;
  std::vector<uint8_t> least_, possible_;  // [RowsTogether(channels)][channels]
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_SIGNS_H_

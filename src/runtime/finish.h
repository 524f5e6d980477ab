// Finish: what happens to the sums of a layer before they are stored: scale and
// bias (with a batch norm folded in), residual, clamp, quantizer. One or two
// passes of the output_stage kernel over a tile that is still in the cache.
#ifndef SIGNUM_RUNTIME_FINISH_H_
#define SIGNUM_RUNTIME_FINISH_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/output_stage/output_stage.h"
#include "runtime/row_block.h"
#include "runtime/signs.h"
#include "runtime/step.h"
#include "runtime/value.h"

namespace signum::runtime {

// A finish in the units of the network's values:
//   t = clamp(prelu_c(sum * multiplier_c + bias_c + residual), low, high)
// stored as floats, as codes, or both; of the codes then the signs, where wanted. All values
// have rows of multiplier.size() channels. The rings of codes and signs are filled in, too.
struct FinishSpec {
  std::vector<double> multiplier, bias;  // one per channel
  std::optional<Value> residual;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::optional<Value> float_output;
  std::optional<Value> codes_output;
  std::vector<float> slope;        // of the PReLU, one per channel; empty without one
  std::vector<float> shift;        // of a 1-bit codes_output, one per channel; or empty
  std::optional<SignsSpec> signs;  // of codes_output
};

class Finish {
 public:
  Finish(const FinishSpec& spec, const kernels::OutputStageKernel* kernel);
  Finish(const Finish&) = delete;
  Finish& operator=(const Finish&) = delete;
  Finish(Finish&&) = default;

  int64_t channels() const { return channels_; }
  // Whether all values are, so that blocks may be flat.
  bool is_dense() const;

  // Which part of the output a call makes.
  struct Tile {
    RowBlock rows;
    int64_t first_channel = 0;  // a multiple of 8 where codes_output is bits
    int64_t channels = 0;
    int64_t stride = 0;  // elements from row to row of the sums and of `temporary`
  };

  // Sums are int32 or float, [rows][channels]. `temporary` has room for as many
  // floats and may be the sums themselves, which are lost then.
  void Run(const RunContext& context, const Tile& tile, const int32_t* sums,
           float* temporary) const;
  void Run(const RunContext& context, const Tile& tile, const float* sums, float* temporary) const;

 private:
  // The walks of a tile through the values, and the stages of one of its lines.
  struct Walks {
    RowWalk residual, floats, codes;
  };
  template <typename Sum>
  void RunLines(const RunContext& context, const Tile& tile, const Sum* sums,
                float* temporary) const;
  template <typename Sum>
  void RunLine(const RunContext& context, const Tile& tile, const Walks& walks, int64_t line,
               const Sum* sums, float* temporary) const;

  template <typename Sum>
  void RunStage(const kernels::OutputStage& stage, kernels::OutputStageRows rows, const Sum* input,
                int64_t stride) const;

  const kernels::OutputStageKernel* kernel_;
  int64_t channels_;
  std::vector<float> multiplier_, bias_, slope_, shift_;  // [RowsTogether(channels)][channels]
  std::optional<Value> residual_, float_output_, codes_output_;
  std::optional<Signs> signs_;
  kernels::OutputStage first_;  // without its pointers
  // From floats to codes, where the first stage stores floats on the way.
  bool has_second_ = false;
  std::vector<float> second_multiplier_, second_bias_;
  kernels::OutputStage second_;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_FINISH_H_

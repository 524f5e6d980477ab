// The definition, one element at a time.
#include "kernels/bilinear/bilinear.h"

namespace signum::kernels {
namespace {

float ValueOf(const BilinearProblem&, float value) { return value; }
float ValueOf(const BilinearProblem& p, uint8_t code) {
  return static_cast<float>(code - p.zero_point) * p.scale;
}

template <typename T>
void Run(const BilinearProblem& p, const T* above, const T* below) {
  for (int64_t line = 0; line < p.line_count; ++line) {
    const BilinearLine& down = p.lines[line];
    float* out = p.output + line * p.output_stride;
    for (int64_t column = 0; column < p.column_count; ++column) {
      const BilinearColumn& along = p.columns[column];
      for (int64_t i = 0; i < p.channels; ++i) {
        const float over = ValueOf(p, above[along.left + i]) * along.left_weight +
                           ValueOf(p, above[along.right + i]) * along.right_weight;
        const float under = ValueOf(p, below[along.left + i]) * along.left_weight +
                            ValueOf(p, below[along.right + i]) * along.right_weight;
        *out++ = over * down.above_weight + under * down.below_weight;
      }
    }
  }
}

}  // namespace

constexpr BilinearKernel kBilinearReference = {"bilinear_reference", Isa::kScalar, Run<float>,
                                               Run<uint8_t>};

}  // namespace signum::kernels

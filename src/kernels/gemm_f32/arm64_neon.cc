// 4 columns to a vector, one value of A for all of them, one fused multiply-add for each k in
// order. Weights from panels.h.
#include <arm_neon.h>

#include <cstring>

#include "kernels/gemm_f32/gemm_f32.h"
#include "kernels/gemm_f32/panels.h"
#include "kernels/gemm_f32/row_tiles.h"
#include "kernels/row_tiling.h"

namespace signum::kernels {
namespace {

constexpr int kVectors = 4;  // to a panel

struct Micro {
  static constexpr int kMaxRows = 5;
  static constexpr int kMaxTiles = 1;
  static constexpr bool kWeightsOnce = false;

  // total += values of A, in a lane of one vector to a row, times the weights at w.
  template <int kLane, int kRows>
  static inline void AddStep(const float32x4_t* values, const float* w, float32x4_t* total) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const float32x4_t weights = vld1q_f32(w + kLane * kFloatPanelColumns + 4 * v);
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r) {
        float32x4_t& t = total[r * kVectors + v];
        t = vfmaq_laneq_f32(t, weights, values[r], kLane);
      }
    }
  }

  template <int kRows, int kPanels>
  static void Tile(const FloatGemmProblem& problem, const uint8_t* row, int64_t c_row,
                   int64_t panel) {
    static_assert(kPanels == 1);
    const auto* a = reinterpret_cast<const float*>(row);
    const auto stride = problem.rows.pixel_stride / int64_t{sizeof(float)};
    const float* w = problem.packed + panel * kFloatPanelColumns * problem.k;
    float32x4_t total[kRows * kVectors] = {};
    float32x4_t values[kRows];
    int64_t k = 0;
    for (; k + 4 <= problem.k; k += 4, w += 4 * kFloatPanelColumns) {
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r) values[r] = vld1q_f32(a + r * stride + k);
      AddStep<0, kRows>(values, w, total);
      AddStep<1, kRows>(values, w, total);
      AddStep<2, kRows>(values, w, total);
      AddStep<3, kRows>(values, w, total);
    }
    for (; k < problem.k; ++k, w += kFloatPanelColumns) {
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r) values[r] = vdupq_n_f32(a[r * stride + k]);
      AddStep<0, kRows>(values, w, total);
    }
    Store<kRows>(problem, c_row, panel * kFloatPanelColumns, total);
  }

  template <int kRows>
  static void Store(const FloatGemmProblem& problem, int64_t c_row, int64_t column,
                    const float32x4_t* total) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v, column += 4) {
#pragma GCC unroll 5
      for (int r = 0; r < kRows; ++r) {
        float* c = problem.c + (c_row + r) * problem.ldc + column;
        const float32x4_t sums = total[r * kVectors + v];
        if (column + 4 <= problem.n) {
          vst1q_f32(c, sums);
        } else if (column < problem.n) {
          std::memcpy(c, &sums, static_cast<size_t>(problem.n - column) * sizeof *c);
        }
      }
    }
  }
};

}  // namespace

constexpr GemmF32Kernel kGemmF32Arm64Neon = {"gemm_f32_arm64_neon", Isa::kNeon,
                                             FloatPanelPackedBytes, PackFloatPanels,
                                             RunFloatTiles<Micro>};

}  // namespace signum::kernels

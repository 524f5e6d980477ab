// depthwise_f32_bench --benchmark_filter=avx512
#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/testing/depthwise_bench.h"

namespace signum::kernels {
namespace {

const bool registered = RegisterDepthwiseBenches(DepthwiseF32Kernels());

}  // namespace
}  // namespace signum::kernels

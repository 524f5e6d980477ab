// depthwise_u8s8_bench --benchmark_filter=avx512
#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/testing/depthwise_bench.h"

namespace signum::kernels {
namespace {

const bool registered = RegisterDepthwiseBenches(DepthwiseU8S8Kernels());

}  // namespace
}  // namespace signum::kernels

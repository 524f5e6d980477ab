// gemm_b1w1_bench --benchmark_filter=avx512
#include "kernels/gemm_b1w1/gemm_b1w1.h"
#include "kernels/testing/integer_gemm_bench.h"

namespace signum::kernels {
namespace {

const bool registered = RegisterIntegerGemmBenches(GemmB1W1Kernels(), 8);

}  // namespace
}  // namespace signum::kernels

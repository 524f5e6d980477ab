// gemm_u8w1_bench --benchmark_filter=avx512
#include "kernels/gemm_u8w1/gemm_u8w1.h"
#include "kernels/testing/integer_gemm_bench.h"

namespace signum::kernels {
namespace {

const bool registered = RegisterIntegerGemmBenches(GemmU8W1Kernels());

}  // namespace
}  // namespace signum::kernels

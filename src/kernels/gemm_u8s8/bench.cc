// gemm_u8s8_bench --benchmark_filter=avx512
#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/testing/integer_gemm_bench.h"

namespace signum::kernels {
namespace {

const bool registered = RegisterIntegerGemmBenches(GemmU8S8Kernels());

}  // namespace
}  // namespace signum::kernels

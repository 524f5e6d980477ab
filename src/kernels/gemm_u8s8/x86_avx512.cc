// 16 columns to a vector, 4 products to a lane, by VNNI's vpdpbusd. Weights from panels.h.
#include <immintrin.h>

#include "kernels/gemm_u8s8/gemm_u8s8.h"
#include "kernels/tiles_x86_avx512.h"

namespace signum::kernels {

constexpr IntegerGemmKernel kGemmU8S8X86Avx512 = {"gemm_u8s8_x86_avx512",
                                                  Isa::kAvx512,
                                                  850,
                                                  6,
                                                  PanelPackedBytes<1>,
                                                  PackPanels<1>,
                                                  RunRowTiles<PanelMicro<ByteProduct>>};

}  // namespace signum::kernels

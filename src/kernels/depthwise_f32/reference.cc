#include "kernels/depthwise_f32/depthwise_f32.h"
#include "kernels/depthwise_reference.h"

namespace signum::kernels {
namespace {

struct Reference;
using Weight = DepthwiseF32Kernel::Weight;

}  // namespace

constexpr DepthwiseF32Kernel kDepthwiseF32Reference = {
    "depthwise_f32_reference", Isa::kScalar, DepthwiseBlockBytes<Reference, Weight>,
    PackDepthwiseBlocks<Reference, Weight>, RunDepthwiseReference<Reference, DepthwiseF32Kernel>};

}  // namespace signum::kernels

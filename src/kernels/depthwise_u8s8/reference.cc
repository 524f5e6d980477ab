#include "kernels/depthwise_reference.h"
#include "kernels/depthwise_u8s8/depthwise_u8s8.h"

namespace signum::kernels {
namespace {

struct Reference;
using Weight = DepthwiseU8S8Kernel::Weight;

}  // namespace

constexpr DepthwiseU8S8Kernel kDepthwiseU8S8Reference = {
    "depthwise_u8s8_reference", Isa::kScalar, DepthwiseBlockBytes<Reference, Weight>,
    PackDepthwiseBlocks<Reference, Weight>, RunDepthwiseReference<Reference, DepthwiseU8S8Kernel>};

}  // namespace signum::kernels

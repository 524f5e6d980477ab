// The weights of layers: as codes where the file says how its floats came from them, as
// floats else.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "onnx/layer.h"

namespace signum::onnx {
namespace {

// The codes of a constant, less their zero-points, output channels first.
struct CenteredCodes {
  std::vector<int64_t> codes;
  int64_t channels = 1;
  const std::vector<float>* scale = nullptr;  // one, or one for each channel

  int64_t per_channel() const { return static_cast<int64_t>(codes.size()) / channels; }
};

Status CheckScales(const std::vector<float>& scales) {
  for (const float scale : scales) {
    if (std::isfinite(scale) && scale > 0) continue;
    return InvalidArgument(fmt::format("a weight scale of {}", scale));
  }
  return {};
}

CenteredCodes Centered(const QuantizedConstant& quantized) {
  CenteredCodes centered{quantized.codes->Integers(), quantized.codes->sizes[0], &quantized.scale};
  const bool one = quantized.zero_point.size() == 1;
  for (size_t i = 0; i < centered.codes.size(); ++i) {
    const int64_t channel = static_cast<int64_t>(i) / centered.per_channel();
    centered.codes[i] -= quantized.zero_point[one ? 0 : channel];
  }
  return centered;
}

// The magnitude that all elements of each channel have, if there is one, and if there
// are both signs somewhere: what tells weights of 1 bit from any others.
template <typename T>
std::vector<T> CommonMagnitudes(const std::vector<T>& values, int64_t channels) {
  const int64_t length = static_cast<int64_t>(values.size()) / channels;
  if (length < 2) return {};
  std::vector<T> magnitudes;
  bool both_signs = false;
  for (int64_t channel = 0; channel < channels; ++channel) {
    const T* row = values.data() + channel * length;
    const T magnitude = std::abs(row[0]);
    if (!(magnitude > 0)) return {};
    for (int64_t i = 0; i < length; ++i) {
      if (std::abs(row[i]) != magnitude) return {};
      both_signs = both_signs || row[i] != row[0];
    }
    magnitudes.push_back(magnitude);
  }
  return both_signs ? magnitudes : std::vector<T>();
}

bool AreSigns(const std::vector<int64_t>& codes) {
  return std::all_of(codes.begin(), codes.end(), [](int64_t code) { return std::abs(code) == 1; });
}

// The fewest bits whose codes hold these, at least 2; 9 where none do. 8 bits have -128
// beside the codes that are symmetric.
int BitsOf(const std::vector<int64_t>& codes) {
  const auto [lowest, highest] = std::minmax_element(codes.begin(), codes.end());
  for (int bits = 2; bits <= 8; ++bits) {
    const int64_t largest = (int64_t{1} << (bits - 1)) - 1;
    const int64_t least = bits == 8 ? -128 : -largest;
    if (*lowest >= least && *highest <= largest) return bits;
  }
  return 9;
}

LayerWeight OfCodes(const std::vector<int64_t>& sizes, const std::vector<int64_t>& codes, int bits,
                    std::vector<float> scales) {
  LayerWeight layer;
  const auto count = static_cast<int64_t>(scales.size());
  layer.weight = Tensor(Shape(sizes), std::vector<int8_t>(codes.begin(), codes.end()));
  layer.quantizer = WeightQuantizer{.bits = bits, .per_channel = count > 1 || sizes[0] == 1};
  layer.scale = Tensor({count}, std::move(scales));
  return layer;
}

template <typename T>
std::vector<int64_t> Signs(const std::vector<T>& values) {
  std::vector<int64_t> signs;
  for (const T value : values) signs.push_back(value > 0 ? 1 : -1);
  return signs;
}

LayerWeight OneBit(const std::vector<int64_t>& sizes, const CenteredCodes& centered,
                   const std::vector<int64_t>& magnitudes) {
  const std::vector<float>& scale = *centered.scale;
  const bool one =
      scale.size() == 1 && std::equal(magnitudes.begin() + 1, magnitudes.end(), magnitudes.begin());
  std::vector<float> scales;
  for (size_t channel = 0; channel < (one ? 1 : magnitudes.size()); ++channel) {
    scales.push_back(static_cast<float>(magnitudes[channel]) *
                     scale[scale.size() == 1 ? 0 : channel]);
  }
  return OfCodes(sizes, Signs(centered.codes), 1, std::move(scales));
}

// Why a constant's codes cannot be a layer's; empty if they can.
std::string ReasonForFloats(const QuantizedConstant& quantized) {
  if (quantized.bits > 8) return fmt::format("they have {} bits", quantized.bits);
  if (quantized.scale.size() > 1 && quantized.axis != 0) {
    return "their scales do not belong to the output channels";
  }
  return "";
}

Result<LayerWeight> OfFloats(const Value& weight) {
  std::vector<float> floats = weight.constant->Floats();
  for (const float x : floats) {
    if (!std::isfinite(x)) return InvalidArgument(fmt::format("a weight of {}", x));
  }
  std::vector<float> magnitudes = CommonMagnitudes(floats, weight.sizes[0]);
  if (!magnitudes.empty()) return OfCodes(weight.sizes, Signs(floats), 1, std::move(magnitudes));
  return LayerWeight{.weight = Tensor(Shape(weight.sizes), std::move(floats))};
}

// Row-major elements with their axes in another order.
template <typename T>
std::vector<T> Permuted(const std::vector<T>& values, const std::vector<int64_t>& sizes,
                        const std::vector<int>& permutation) {
  const auto rank = static_cast<int>(sizes.size());
  std::vector<int64_t> stride(sizes.size(), 1);
  for (int axis = rank - 2; axis >= 0; --axis) stride[axis] = stride[axis + 1] * sizes[axis + 1];
  std::vector<T> permuted;
  permuted.reserve(values.size());
  std::vector<int64_t> index(sizes.size(), 0);
  int64_t source = 0;
  while (permuted.size() < values.size()) {
    permuted.push_back(values[source]);
    for (int axis = rank - 1; axis >= 0; --axis) {
      const int from = permutation[axis];
      source += stride[from];
      if (++index[axis] < sizes[from]) break;
      source -= stride[from] * sizes[from];
      index[axis] = 0;
    }
  }
  return permuted;
}

ConstantPointer Permuted(const Constant& constant, const std::vector<int>& permutation) {
  Constant permuted{constant.type, {}, {}};
  for (const int axis : permutation) permuted.sizes.push_back(constant.sizes[axis]);
  permuted.data = std::visit(
      [&](const auto& values) -> Constant::Data {
        return Permuted(values, constant.sizes, permutation);
      },
      constant.data);
  return std::make_shared<const Constant>(std::move(permuted));
}

}  // namespace

Result<LayerWeight> MakeLayerWeight(const Value& weight, GraphBuilder& builder) {
  SIGNUM_CHECK(weight.is_constant() && weight.rank() >= 1);
  if (weight.constant->elements() < 1) return InvalidArgument("has an empty weight");
  if (weight.quantized == nullptr) return OfFloats(weight);
  const QuantizedConstant& quantized = *weight.quantized;
  SIGNUM_RETURN_IF_ERROR(CheckScales(quantized.scale));
  std::string reason = ReasonForFloats(quantized);
  if (reason.empty()) {
    const CenteredCodes centered = Centered(quantized);
    if (quantized.bits == 1 && AreSigns(centered.codes)) {
      return OfCodes(weight.sizes, centered.codes, 1, quantized.scale);
    }
    const auto magnitudes = CommonMagnitudes(centered.codes, centered.channels);
    if (!magnitudes.empty()) return OneBit(weight.sizes, centered, magnitudes);
    const int bits = std::max(quantized.bits, BitsOf(centered.codes));
    if (bits <= 8) return OfCodes(weight.sizes, centered.codes, bits, quantized.scale);
    reason = "less their zero-point they do not fit 8 bits";
  }
  builder.Note(fmt::format("its weights are computed with as floats, because {}", reason));
  return OfFloats(weight);
}

Result<Value> TransposedConstant(const Value& value, const std::vector<int>& permutation,
                                 FoldBudget& budget) {
  SIGNUM_CHECK(value.is_constant() && permutation.size() == value.sizes.size());
  const int copies = value.quantized == nullptr ? 1 : 2;
  SIGNUM_RETURN_IF_ERROR(budget.Take(copies * value.constant->elements()));
  Value transposed;
  transposed.constant = Permuted(*value.constant, permutation);
  transposed.sizes = transposed.constant->sizes;
  transposed.type = value.type;
  if (value.quantized == nullptr) return transposed;
  auto quantized = std::make_shared<QuantizedConstant>(*value.quantized);
  quantized->codes = Permuted(*quantized->codes, permutation);
  const auto axis = std::find(permutation.begin(), permutation.end(), quantized->axis);
  if (axis != permutation.end()) quantized->axis = static_cast<int>(axis - permutation.begin());
  transposed.quantized = std::move(quantized);
  return transposed;
}

}  // namespace signum::onnx

#include "graph/parameters.h"

#include <cmath>
#include <utility>

namespace signum {

Tensor FloatWeight(const Node& node) {
  const Tensor& weight = *node.Find("weight");
  if (weight.type() == DataType::kFloat32) return weight;
  const auto scales = node.Find("weight_scale")->floats();
  const auto codes = weight.codes();
  const int64_t length = weight.elements() / weight.shape()[0];
  std::vector<float> values(static_cast<size_t>(weight.elements()));
  for (int64_t i = 0; i < weight.elements(); ++i) {
    const float scale = scales[scales.size() == 1 ? 0 : i / length];
    values[i] = scale * static_cast<float>(codes[i]);
  }
  return Tensor(weight.shape(), std::move(values));
}

ChannelAffine BatchNormAffine(const Node& norm) {
  const auto& op = std::get<BatchNormOp>(norm.op);
  const auto gamma = norm.Find("weight")->floats();
  const auto beta = norm.Find("bias")->floats();
  const auto mean = norm.Find("running_mean")->floats();
  const auto variance = norm.Find("running_var")->floats();
  ChannelAffine affine;
  for (size_t c = 0; c < gamma.size(); ++c) {
    affine.factor.push_back(gamma[c] / std::sqrt(double{variance[c]} + double{op.epsilon}));
    affine.term.push_back(beta[c] - mean[c] * affine.factor[c]);
  }
  return affine;
}

}  // namespace signum

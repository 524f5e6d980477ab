#include "train/calibrate.h"

#include <algorithm>

#include "data/loader.h"
#include "graph/passes/insert_quantizers.h"
#include "quant/calibration.h"
#include "train/batch.h"

namespace signum::train {
namespace {

// Enough values to place a scale; evenly spaced, so that every image and channel
// contributes.
constexpr int64_t kSamples = 1 << 16;

void CalibrateOneBit(GraphModule& module, NodeId id, const torch::Tensor& x) {
  std::vector<int64_t> others{0};
  for (int64_t axis = 2; axis < x.dim(); ++axis) others.push_back(axis);
  const torch::Tensor mean = x.mean(others, /*keepdim=*/true);
  const bool shifts = module.graph().node(id).Find("shift") != nullptr;
  if (shifts) module.Set(id, "shift", mean.flatten());
  const torch::Tensor center = shifts ? mean : torch::zeros_like(mean);
  module.Set(id, "scale", (x - center).abs().mean().clamp_min(1e-6));
}

void CalibrateQuantizer(GraphModule& module, NodeId id, const torch::Tensor& x) {
  const auto& op = std::get<QuantizeOp>(module.graph().node(id).op);
  if (module.HasFixedScale(id) || !NeedsScale(module.graph().node(id))) return;
  if (op.bits == 1) return CalibrateOneBit(module, id, x.detach());
  const torch::Tensor flat = x.detach().to(torch::kCPU).contiguous().flatten();
  // An odd stride does not fall into step with the power-of-two sizes of maps.
  const int64_t stride = (flat.numel() / kSamples) | 1;
  const torch::Tensor samples = flat.slice(0, 0, flat.numel(), stride).contiguous();
  const float scale = quant::LeastErrorScale(
      {samples.data_ptr<float>(), static_cast<size_t>(samples.numel())}, op.zero_point, op.bits);
  module.Set(id, "scale", torch::full({1}, scale));
}

}  // namespace

void CalibrateQuantizers(GraphModule& module, const torch::Tensor& images) {
  torch::NoGradGuard no_gradients;
  ForwardOptions options{.training = true, .batch_norm_momentum = 0};
  options.calibrate = [&](NodeId id, const torch::Tensor& x) { CalibrateQuantizer(module, id, x); };
  module.Forward(images, options);
}

void ReestimateBatchNorm(GraphModule& module, const data::Dataset& dataset,
                         const TrainConfig& config) {
  const std::vector<Node>& nodes = module.graph().nodes();
  if (std::none_of(nodes.begin(), nodes.end(),
                   [](const Node& node) { return std::holds_alternative<BatchNormOp>(node.op); })) {
    return;
  }
  torch::NoGradGuard no_gradients;
  data::BatchLoader loader(dataset, TrainingBatches(module.graph(), config, config.epochs));
  data::Batch batch;
  for (int64_t n = 0; n < config.reestimate_batches && loader.Next(&batch); ++n) {
    // A momentum of 1 / (n + 1) makes the running value the mean so far.
    module.Forward(ImagesOf(batch, dataset.image_shape),
                   {.training = true, .batch_norm_momentum = 1.0 / static_cast<double>(n + 1)});
  }
}

}  // namespace signum::train

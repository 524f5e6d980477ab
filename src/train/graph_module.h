// GraphModule: a Graph, interpreted with torch operators so that its weights can
// learn. There is no second definition of any network: what the Graph says is
// what is trained. Knows no data, no loss and no optimizer.
#ifndef SIGNUM_TRAIN_GRAPH_MODULE_H_
#define SIGNUM_TRAIN_GRAPH_MODULE_H_

#include <torch/torch.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/config.h"
#include "train/weight_methods.h"

namespace signum::train {

// How Forward runs.
struct ForwardOptions {
  bool training = false;  // batch statistics, dropout
  bool dropout = true;    // with training
  // With training: the share of this batch in the running statistics; below 0,
  // each batch norm's own momentum.
  double batch_norm_momentum = -1;
  double progress = 0;  // with training: the share of the run that is behind, 0 to 1
  // Called with every node's value, in order. May be empty.
  std::function<void(NodeId, const torch::Tensor&)> inspect;
  // Called before a Quantize node with its input; may set the node's scale and
  // shift. May be empty.
  std::function<void(NodeId, const torch::Tensor&)> calibrate;
};

// Tensors that learn and tensors that are kept, by "node.role".
class GraphModule {
 public:
  // Copies the weights of `graph`, which must verify. Codes become latent values
  // scale times code, and keep their bits.
  // `config` must have passed CheckQuantization (check.h).
  GraphModule(const Graph& graph, const QuantizationConfig& config, torch::Device device);

  // images: {n, c, h, w} floats in [0, 1]. Returns the output node's value.
  torch::Tensor Forward(const torch::Tensor& images, const ForwardOptions& options);
  // The same as logits, {n, classes}: of a network that ends in a Softmax, what that reads.
  torch::Tensor Logits(const torch::Tensor& images, const ForwardOptions& options);

  // To be called before and after every optimizer step. Brings the bits of 1-bit
  // weights up to date with their latents, and bounds the step of learned scales to
  // one percent: their gradients are sums over whole feature maps, and a single
  // bad one would throw a scale out of the range in which it gets any gradient.
  void BeforeStep();
  void AfterStep();

  // Learns the weights and biases of layers of the same name together with `other`, which must
  // outlive this: a network at several precisions has one set of them.
  void ShareWeights(const GraphModule& other);

  // A moving average of everything that learns, from the values now on: each call of
  // UpdateAverage takes `share` of the values then. TakeAverage puts the average in their place.
  void StartAverage();
  void UpdateAverage(double share);
  void TakeAverage();

  // The graph with the weights as they are now; quantized ones as codes, to whose layers those with
  // an offset are added (graph/passes/weight_offsets.h).
  Graph Snapshot() const;

  // The graph with its latent weights as they are now in place of codes, which weights that have
  // none keep; Quantize nodes stay, for the next quantizers to start from (TakeScales). Its
  // metadata says "weights": "latent", for it is there to train on, not to run or to teach.
  Graph Latents() const;

  // Weights of convolutions and linear layers that an optimizer moves: what weight decay is for.
  std::vector<torch::Tensor> DecayedParameters() const;
  // Everything else that learns: biases, norms, slopes, scales, shifts.
  std::vector<torch::Tensor> OtherParameters() const;
  // All state, learned or not, by name: what a checkpoint must hold.
  std::map<std::string, torch::Tensor> State() const;

  // The 1-bit weights' bits now, by layer name.
  std::map<std::string, torch::Tensor> Bits() const;
  // The codes now of weights of 2 bits and more, by layer name.
  std::map<std::string, torch::Tensor> WiderCodes() const;
  // The scales that learn, of values and of weights, by node name.
  std::map<std::string, torch::Tensor> LearnedScales();

  // Whether the scale of quantizer `id` is its method's, neither calibrated nor learned.
  bool HasFixedScale(NodeId id) const;

  // Sets a parameter, as the calibration of a quantizer does.
  void Set(NodeId node, const std::string& role, const torch::Tensor& value);

  const Graph& graph() const { return graph_; }
  torch::Device device() const { return device_; }

 private:
  // The weight that node `id` computes with: fake-quantized if it has a quantizer.
  torch::Tensor Weight(NodeId id, double progress) const;
  // The scale that node `id` learns, of values or of weights; null where there is none.
  torch::Tensor* LearnedScale(NodeId id);
  // Snapshot without offsets, node by node what `graph_` has; adds the offsets of weights, by
  // layer.
  Graph WithCodes(std::map<NodeId, std::vector<float>>& offsets) const;
  std::vector<std::pair<NodeId, std::string>> Learning() const;
  // The value of layer `id` in inference, where weight and input are quantized.
  torch::Tensor OverCodes(NodeId id, const torch::Tensor& input,
                          const ForwardOptions& options) const;
  // What code 1 of this value stands for, or undefined where it is not quantized.
  torch::Tensor PaddingUnit(NodeId value) const;

  Graph graph_;
  torch::Device device_;
  std::vector<QuantizationConfig> configs_;  // by node id: of quantized layers and of quantizers
  std::vector<std::unique_ptr<const WeightMethod>> methods_;  // by node id; null: float weights
  std::vector<LayerTensors> tensors_;                         // by node id
  std::map<NodeId, torch::Tensor> scales_before_step_;
  std::vector<NodeId> last_reader_;
};

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_GRAPH_MODULE_H_

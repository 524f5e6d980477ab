// A network of Signum's zoo as a bare chain of oneDNN's int8 primitives: u8 NHWC in,
// u8 between, batch norms folded away, ReLU and residual sums fused as post-ops. No
// framework around it, so it is the fastest that oneDNN can be. Weights are random: the
// time does not depend on them.
//   onednn_chain NETWORK CHANNELSxHEIGHTxWIDTH BATCH
// ONEDNN_MAX_CPU_ISA caps the instruction set, OMP_NUM_THREADS the threads.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dnnl.hpp>
#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "timed_rounds.h"
#include "zoo/zoo.h"

namespace signum::rivals {
namespace {

using dnnl::memory;
using Type = memory::data_type;
using Tag = memory::format_tag;

memory::desc AnyLayout(const memory::dims& sizes, Type type) { return {sizes, type, Tag::any}; }

class Chain {
 public:
  Chain(const Graph& graph, int64_t batch)
      : graph_(graph), shapes_(*InferShapes(graph, batch)), values_(graph.size()) {
    readers_.resize(graph.size());
    for (NodeId id = 0; id < graph.size(); ++id) {
      for (NodeId input : graph.node(id).inputs) readers_[input].push_back(id);
    }
    for (NodeId id = 0; id < graph.size(); ++id) {
      if (values_[id].get(true) == nullptr) Add(id);
    }
    stream_.wait();
  }

  void Run() {
    for (auto& [primitive, arguments] : steps_) primitive.execute(stream_, arguments);
    stream_.wait();
  }

 private:
  using Arguments = std::unordered_map<int, memory>;

  memory::dims Sizes(NodeId id) const {
    const auto& sizes = shapes_[id].sizes();
    return {sizes.begin(), sizes.end()};
  }

  memory Filled(const memory::desc& description) {
    memory made(description, engine_);
    std::memset(made.get_data_handle(), 1, description.get_size());
    return made;
  }

  memory InLayout(const memory& source, const memory::desc& wanted) {
    if (source.get_desc() == wanted) return source;
    memory made(wanted, engine_);
    steps_.push_back({dnnl::reorder(source, made), {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, made}}});
    return made;
  }

  void Add(NodeId id) {
    const Node& node = graph_.node(id);
    const Op& op = node.op;
    if (id == 0) {
      const Tag layout = shapes_[0].rank() == 4 ? Tag::nhwc : Tag::nc;
      values_[0] = Filled({Sizes(0), Type::u8, layout});
    } else if (std::holds_alternative<ConvolutionOp>(op) || std::holds_alternative<LinearOp>(op)) {
      AddWeighted(id);
    } else if (const auto* max = std::get_if<MaxPoolOp>(&op)) {
      AddPool(id, dnnl::algorithm::pooling_max, max->window);
    } else if (const auto* mean = std::get_if<AveragePoolOp>(&op)) {
      AddPool(id, dnnl::algorithm::pooling_avg_include_padding, mean->window);
    } else if (std::holds_alternative<GlobalAveragePoolOp>(op)) {
      Window whole;
      const Shape& in = shapes_[node.inputs[0]];
      whole.kernel = {static_cast<int>(in[2]), static_cast<int>(in[3])};
      AddPool(id, dnnl::algorithm::pooling_avg_include_padding, whole);
    } else if (std::holds_alternative<FlattenOp>(op) || std::holds_alternative<DropoutOp>(op)) {
      values_[id] = values_[node.inputs[0]];
    } else {
      std::fprintf(stderr, "onednn_chain: node '%s' (%s) has no primitive here\n",
                   node.name.c_str(), OpName(op).c_str());
      std::exit(1);
    }
  }

  // The batch norm, sum and ReLU that follow, each the only reader of what is before it.
  NodeId Fuse(NodeId id, dnnl::post_ops& post, memory* residual) {
    for (;;) {
      if (readers_[id].size() != 1) return id;
      const NodeId next = readers_[id][0];
      const Node& node = graph_.node(next);
      if (std::holds_alternative<AddOp>(node.op)) {
        const memory other = values_[node.inputs[0] == id ? node.inputs[1] : node.inputs[0]];
        if (other.get(true) == nullptr) return id;
        *residual = other;
        post.append_sum(1.0f);
      } else if (std::holds_alternative<ActivationOp>(node.op)) {
        post.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      } else if (!std::holds_alternative<BatchNormOp>(node.op)) {
        return id;
      }
      id = next;
    }
  }

  void AddWeighted(NodeId id) {
    const Node& node = graph_.node(id);
    memory source = values_[node.inputs[0]];
    memory residual;
    dnnl::post_ops post;
    const NodeId last = Fuse(id, post, &residual);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(post);
    const memory::dims out = Sizes(id);
    attributes.set_output_scales(2, std::vector<float>(out[1], 1e-3f));
    const Type out_type = last == graph_.output() ? Type::f32 : Type::u8;
    // A sum accumulates in place, so its layout is the residual's.
    const memory::desc destination =
        residual.get(true) != nullptr ? residual.get_desc() : AnyLayout(out, out_type);
    const memory::desc bias({out[1]}, Type::f32, Tag::x);
    if (const auto* op = std::get_if<ConvolutionOp>(&node.op)) {
      const Window& w = op->window;
      const memory::dims sizes = Sizes(node.inputs[0]);
      memory::dims weight = {out[1], sizes[1] / op->groups, w.kernel[0], w.kernel[1]};
      if (op->groups > 1) {
        weight = {op->groups, out[1] / op->groups, weight[1], weight[2], weight[3]};
      }
      const dnnl::convolution_forward::desc described(
          dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
          AnyLayout(sizes, Type::u8), AnyLayout(weight, Type::s8), bias, destination,
          {w.stride[0], w.stride[1]}, {w.dilation[0] - 1, w.dilation[1] - 1},
          {w.padding.top, w.padding.left}, {w.padding.bottom, w.padding.right});
      Finish(id, last, dnnl::convolution_forward::primitive_desc(described, attributes, engine_),
             source, residual);
    } else {
      memory::dims sizes = source.get_desc().dims();
      memory::dims weight = sizes;
      weight[0] = out[1];
      const dnnl::inner_product_forward::desc described(
          dnnl::prop_kind::forward_inference, AnyLayout(sizes, Type::u8),
          AnyLayout(weight, Type::s8), bias, destination);
      Finish(id, last, dnnl::inner_product_forward::primitive_desc(described, attributes, engine_),
             source, residual);
    }
  }

  template <typename Description>
  void Finish(NodeId id, NodeId last, const Description& description, const memory& source,
              const memory& residual) {
    const memory in = InLayout(source, description.src_desc());
    const memory out =
        residual.get(true) != nullptr ? residual : memory(description.dst_desc(), engine_);
    Arguments arguments = {{DNNL_ARG_SRC, in},
                           {DNNL_ARG_WEIGHTS, Filled(description.weights_desc())},
                           {DNNL_ARG_BIAS, Filled(description.bias_desc())},
                           {DNNL_ARG_DST, out}};
    steps_.push_back({dnnl::primitive(description.get()), arguments});
    if (std::getenv("RIVALS_VERBOSE") != nullptr) {
      std::fprintf(stderr, "%s: %s\n", graph_.node(id).name.c_str(), description.impl_info_str());
    }
    for (NodeId done = id;; done = readers_[done][0]) {
      values_[done] = out;
      if (done == last) break;
    }
  }

  void AddPool(NodeId id, dnnl::algorithm algorithm, const Window& w) {
    const memory source = values_[graph_.node(id).inputs[0]];
    const dnnl::pooling_forward::desc described(
        dnnl::prop_kind::forward_inference, algorithm, source.get_desc(),
        AnyLayout(Sizes(id), Type::u8), {w.stride[0], w.stride[1]}, {w.kernel[0], w.kernel[1]},
        {w.padding.top, w.padding.left}, {w.padding.bottom, w.padding.right});
    const dnnl::pooling_forward::primitive_desc description(described, engine_);
    const memory out(description.dst_desc(), engine_);
    steps_.push_back(
        {dnnl::pooling_forward(description), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, out}}});
    values_[id] = out;
  }

  const Graph& graph_;
  std::vector<Shape> shapes_;
  std::vector<std::vector<NodeId>> readers_;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::vector<memory> values_;  // by node; empty where nothing is stored yet
  std::vector<std::pair<dnnl::primitive, Arguments>> steps_;
};

}  // namespace
}  // namespace signum::rivals

int main(int argc, char** argv) {
  using namespace signum;
  zoo::ZooOptions options;
  options.weights = false;
  long sizes[3] = {};
  if (argc != 4 || std::sscanf(argv[2], "%ldx%ldx%ld", &sizes[0], &sizes[1], &sizes[2]) != 3) {
    std::fprintf(stderr, "usage: onednn_chain NETWORK CHANNELSxHEIGHTxWIDTH BATCH\n");
    return 2;
  }
  options.channels = sizes[0], options.height = sizes[1], options.width = sizes[2];
  options.classes = sizes[1] > 64 ? 1000 : 10;
  const Result<Graph> graph = zoo::BuildZoo(argv[1], options);
  if (!graph) {
    std::fprintf(stderr, "onednn_chain: %s\n", graph.error().message.c_str());
    return 1;
  }
  rivals::Chain chain(*graph, std::atol(argv[3]));
  rivals::TimedRounds([&] { chain.Run(); });
}

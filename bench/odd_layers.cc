// Prints how fast convolutions of unusual sizes run beside an ordinary one: no layer may fall
// off a cliff. `./dev bench` runs it.
//   odd_layers_bench [SECONDS]    for each layer and precision, 0.1 by default
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "graph/passes/insert_quantizers.h"
#include "report/table.h"
#include "runtime/executor.h"

namespace {

using namespace signum;

struct Layer {
  std::string name;
  int64_t inputs = 64, outputs = 64, size = 28;
  std::array<int, 2> kernel = {3, 3};
  int stride = 1, dilation = 1;
  int64_t groups = 1;
};

struct Precision {
  std::string name;
  int weight_bits, value_bits;
};

const std::vector<Precision> kPrecisions = {
    {"W1A1", 1, 1}, {"W1A2", 1, 2}, {"W1A4", 1, 4}, {"W1A8", 1, 8}, {"W8A8", 8, 8}};

std::vector<Layer> Layers() {
  std::vector<Layer> layers = {{.name = "64 channels, 28x28, 3x3"}};
  const auto add = [&](const std::string& name, const auto& change) {
    Layer layer{.name = name};
    change(layer);
    layers.push_back(layer);
  };
  for (int64_t channels : {63, 65, 72, 40, 17, 7, 3}) {
    add(fmt::format("{} channels", channels), [&](Layer& l) { l.inputs = l.outputs = channels; });
  }
  add("64 to 1 channels", [](Layer& l) { l.outputs = 1; });
  for (int64_t groups : {2, 4, 8, 16, 32, 64}) {
    add(fmt::format("{} groups", groups), [&](Layer& l) { l.groups = groups; });
  }
  for (int64_t groups : {3, 5, 15}) {
    add(fmt::format("60 channels, {} groups", groups), [&](Layer& l) {
      l.inputs = l.outputs = 60;
      l.groups = groups;
    });
  }
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 7}, {7, 1}, {5, 5}, {7, 7}, {2, 2}}) {
    add(fmt::format("{}x{}", height, width), [&, h = height, w = width](Layer& l) {
      l.kernel = {h, w};
    });
  }
  add("stride 2", [](Layer& l) { l.stride = 2; });
  add("stride 3", [](Layer& l) { l.stride = 3; });
  add("dilation 2", [](Layer& l) { l.dilation = 2; });
  for (int64_t size : {2, 5, 7, 27, 56}) {
    add(fmt::format("{0}x{0} map", size), [&](Layer& l) { l.size = size; });
  }
  add("5x5 on a 3x3 map", [](Layer& l) {
    l.kernel = {5, 5};
    l.size = 3;
  });
  return layers;
}

Tensor Random(const Shape& shape, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (float& value : values) value = normal(random);
  return Tensor(shape, std::move(values));
}

// The layer between two of 1x1, which are the 8-bit edges of the network.
Graph Network(const Layer& layer) {
  std::mt19937 random(1);
  Graph graph;
  const auto convolution = [&](const std::string& name, NodeId in, int64_t inputs,
                               const ConvolutionOp& op) {
    const Shape weight{op.output_channels, inputs / op.groups, op.window.kernel[0],
                       op.window.kernel[1]};
    return graph.Add(name, op, {in}, {{"weight", Random(weight, random)}});
  };
  ConvolutionOp edge;
  edge.bias = false;
  NodeId id = graph.Add("input", InputOp{{1, 4, layer.size, layer.size}}, {});
  edge.output_channels = layer.inputs;
  id = convolution("first", id, 4, edge);
  id = graph.Add("relu1", ActivationOp{}, {id});
  ConvolutionOp op;
  op.bias = false;
  op.output_channels = layer.outputs;
  op.groups = layer.groups;
  const auto [height, width] = layer.kernel;
  const int down = layer.dilation * (height - 1), right = layer.dilation * (width - 1);
  op.window = {.kernel = layer.kernel,
               .stride = {layer.stride, layer.stride},
               .dilation = {layer.dilation, layer.dilation},
               .padding = {down / 2, right / 2, down - down / 2, right - right / 2}};
  id = convolution("layer", id, layer.inputs, op);
  id = graph.Add("relu2", ActivationOp{}, {id});
  edge.output_channels = 4;
  convolution("last", id, layer.outputs, edge);
  return graph;
}

// Billions of operations a second of the step in the middle and what prepares it.
Result<double> Measure(const Layer& layer, const Precision& precision, double seconds) {
  QuantizationPolicy policy;
  policy.weight_bits = precision.weight_bits;
  policy.activation_bits = precision.value_bits;
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, InsertQuantizers(Network(layer), policy));
  SIGNUM_ASSIGN_OR_RETURN(const auto executor, runtime::MakeExecutor(graph, {.profile = true}));
  const runtime::Program& program = executor->program();
  const std::vector<float> images(static_cast<size_t>(program.input_shape().elements()), 0.5f);
  std::vector<float> outputs(static_cast<size_t>(program.output_shape().elements()));
  std::vector<double> times;
  double ops = 0;
  for (double spent = 0; spent < seconds || times.size() < 5; spent += times.back()) {
    executor->ResetProfile();
    SIGNUM_RETURN_IF_ERROR(executor->Run(images, 1, outputs));
    double time = 0;
    for (size_t i = 0; i < program.steps().size(); ++i) {
      const runtime::StepReport& report = program.steps()[i].report;
      if (report.name == "layer") ops = 2.0 * static_cast<double>(report.macs);
      if (report.name == "layer" || report.ops == "BitPlanes") time += executor->step_seconds()[i];
    }
    times.push_back(time);
  }
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return 1e-9 * ops / times[times.size() / 2];
}

Status Run(double seconds) {
  std::vector<report::Column> columns = {{"GOP/s (share of the first line)"}};
  for (const Precision& precision : kPrecisions) columns.push_back({precision.name, true});
  report::Table table(columns);
  std::vector<double> ordinary;
  for (const Layer& layer : Layers()) {
    std::vector<std::string> row = {layer.name};
    for (size_t i = 0; i < kPrecisions.size(); ++i) {
      SIGNUM_ASSIGN_OR_RETURN(const double gops, Measure(layer, kPrecisions[i], seconds));
      if (ordinary.size() == i) ordinary.push_back(gops);
      row.push_back(fmt::format("{:.0f} ({:.0f}%)", gops, 100 * gops / ordinary[i]));
    }
    table.AddRow(std::move(row));
  }
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  std::printf("%s, %s, one thread\n%s", CpuName().c_str(), IsaName(isa), table.ToText().c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const Status status = Run(argc > 1 ? std::atof(argv[1]) : 0.1);
  if (status) return 0;
  std::fprintf(stderr, "odd_layers_bench: %s\n", status.error().message.c_str());
  return 1;
}

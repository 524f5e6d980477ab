#include "model_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/check.h"
#include "graph/cost.h"
#include "report/table.h"

namespace signum::apps {
namespace {

const Window* WindowOf(const Op& op) {
  return std::visit(Overloaded{[](const ConvolutionOp& o) -> const Window* { return &o.window; },
                               [](const MaxPoolOp& o) -> const Window* { return &o.window; },
                               [](const AveragePoolOp& o) -> const Window* { return &o.window; },
                               [](const auto&) -> const Window* { return nullptr; }},
                    op);
}

int GroupsOf(const Op& op) {
  const auto* convolution = std::get_if<ConvolutionOp>(&op);
  return convolution == nullptr ? 1 : convolution->groups;
}

// "3", or "3x5" where the directions differ.
std::string Pair(const std::array<int, 2>& sizes) {
  return sizes[0] == sizes[1] ? std::to_string(sizes[0]) : fmt::format("{}x{}", sizes[0], sizes[1]);
}

// "3x3 /2 p1 d2 g32": kernel, then what is not the default of stride, padding,
// dilation and groups.
std::string KernelText(const Op& op) {
  const Window* window = WindowOf(op);
  if (window == nullptr) return "";
  std::string text = fmt::format("{}x{}", window->kernel[0], window->kernel[1]);
  if (window->stride != std::array{1, 1}) text += " /" + Pair(window->stride);
  const Padding& p = window->padding;
  if (p == Padding::All(p.top)) {
    if (p.top != 0) text += fmt::format(" p{}", p.top);
  } else {
    text += fmt::format(" p{},{},{},{}", p.top, p.left, p.bottom, p.right);
  }
  if (window->dilation != std::array{1, 1}) text += " d" + Pair(window->dilation);
  if (GroupsOf(op) != 1) text += fmt::format(" g{}", GroupsOf(op));
  return text;
}

// "-" for none, so that a column of numbers has no holes.
std::string Count(int64_t count) { return count == 0 ? "-" : report::HumanCount(count); }

std::vector<Shape> ShapesOf(const Graph& graph) {
  Result<std::vector<Shape>> shapes = InferShapes(graph);
  SIGNUM_CHECK(shapes.has_value());  // the graph is verified
  return *std::move(shapes);
}

// "1x3x32x32" without the batch.
std::string PerImage(const Shape& shape) {
  return Shape(std::vector<int64_t>(shape.sizes().begin() + 1, shape.sizes().end())).ToString();
}

// A line of "name  value" under the table. Metadata may hold anything, so control
// characters, which could move the cursor, become spaces.
std::string Fact(const std::string& name, const std::string& value) {
  std::string line = fmt::format("{:<18} {}", name, value);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line + "\n";
}

// Stored bytes, and how many times fewer they are than floats would take.
std::string StoredText(const NodeCost& total) {
  const int64_t float_bytes = 4 * (total.parameters + total.buffers);
  std::string text = report::HumanCount(total.weight_bytes);
  if (total.weight_bytes > 0 && total.weight_bytes < float_bytes) {
    text += fmt::format(" ({:.1f} times smaller than in float)",
                        static_cast<double>(float_bytes) / static_cast<double>(total.weight_bytes));
  }
  return text;
}

std::string FactsText(const ModelFacts& facts, const std::vector<Shape>& shapes,
                      const NodeCost& total) {
  const Graph& graph = facts.graph;
  std::string text = Fact("network", graph.name.empty() ? facts.source : graph.name);
  text += Fact("input", PerImage(graph.input_shape()));
  text += Fact("output", PerImage(shapes.back()));
  text += Fact("trainable", report::HumanCount(total.parameters));
  text += Fact("with buffers", report::HumanCount(total.parameters + total.buffers));
  text += Fact("MACs per image", report::HumanCount(total.macs));
  text += Fact("stored bytes", StoredText(total));
  if (facts.file_bytes) text += Fact("file bytes", report::HumanCount(*facts.file_bytes));
  if (!graph.class_names.empty()) {
    text += Fact("classes", fmt::format("{}", fmt::join(graph.class_names, ", ")));
  }
  for (const auto& [key, value] : graph.metadata) text += Fact(key, value);
  return text;
}

nlohmann::ordered_json WindowJson(const Window& window) {
  const Padding& p = window.padding;
  return {{"kernel", window.kernel},
          {"stride", window.stride},
          {"dilation", window.dilation},
          {"padding", {p.top, p.left, p.bottom, p.right}}};
}

// Text inside a double-quoted string of Graphviz.
std::string DotEscape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return escaped;
}

}  // namespace

std::string ModelTable(const ModelFacts& facts) {
  const Graph& graph = facts.graph;
  const std::vector<Shape> shapes = ShapesOf(graph);
  const std::vector<NodeCost> costs = Costs(graph);
  const NodeCost total = TotalCost(costs);
  report::Table table({{"layer"},
                       {"operator"},
                       {"kernel"},
                       {"output", true},
                       {"parameters", true},
                       {"MACs", true},
                       {"weight bits", true},
                       {"value bits", true},
                       {"stored bytes", true}});
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const NodeCost& cost = costs[id];
    table.AddRow({node.name, OpName(node.op), KernelText(node.op), PerImage(shapes[id]),
                  Count(cost.parameters), Count(cost.macs), Count(cost.weight_bits),
                  Count(cost.value_bits), Count(cost.weight_bytes)});
  }
  table.AddRule();
  table.AddRow({"total", "", "", "", Count(total.parameters), Count(total.macs), "", "",
                Count(total.weight_bytes)});
  return table.ToText() + "\n" + FactsText(facts, shapes, total);
}

nlohmann::ordered_json ModelJson(const ModelFacts& facts) {
  const Graph& graph = facts.graph;
  const std::vector<Shape> shapes = ShapesOf(graph);
  const std::vector<NodeCost> costs = Costs(graph);
  const NodeCost total = TotalCost(costs);
  nlohmann::ordered_json json = {{"name", graph.name},
                                 {"source", facts.source},
                                 {"input_shape", graph.input_shape().sizes()},
                                 {"output_shape", shapes.back().sizes()},
                                 {"parameters", total.parameters},
                                 {"buffers", total.buffers},
                                 {"macs", total.macs},
                                 {"stored_bytes", total.weight_bytes},
                                 {"class_names", graph.class_names},
                                 {"metadata", graph.metadata}};
  if (facts.file_bytes) json["file_bytes"] = *facts.file_bytes;
  nlohmann::ordered_json& layers = json["layers"] = nlohmann::ordered_json::array();
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const NodeCost& cost = costs[id];
    nlohmann::ordered_json inputs = nlohmann::ordered_json::array();
    for (const NodeId input : node.inputs) inputs.push_back(graph.node(input).name);
    nlohmann::ordered_json layer = {{"name", node.name},
                                    {"operator", OpName(node.op)},
                                    {"inputs", std::move(inputs)},
                                    {"output_shape", shapes[id].sizes()},
                                    {"parameters", cost.parameters},
                                    {"buffers", cost.buffers},
                                    {"macs", cost.macs},
                                    {"weight_bits", cost.weight_bits},
                                    {"value_bits", cost.value_bits},
                                    {"stored_bytes", cost.weight_bytes}};
    if (const Window* window = WindowOf(node.op)) {
      layer["window"] = WindowJson(*window);
      layer["groups"] = GroupsOf(node.op);
    }
    layers.push_back(std::move(layer));
  }
  return json;
}

std::string ModelDot(const Graph& graph) {
  const std::vector<Shape> shapes = ShapesOf(graph);
  const std::vector<NodeCost> costs = Costs(graph);
  std::string text = fmt::format(
      "digraph \"{}\" {{\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
      "  edge [fontname=\"sans-serif\", fontsize=10];\n",
      DotEscape(graph.name));
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    std::string kind = OpName(node.op);
    if (const std::string kernel = KernelText(node.op); !kernel.empty()) kind += " " + kernel;
    if (costs[id].weight_bits > 0) kind += fmt::format(", {}-bit weights", costs[id].weight_bits);
    text += fmt::format("  n{} [label=\"{}\\n{}\"];\n", id, DotEscape(node.name), kind);
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const NodeId input : graph.node(id).inputs) {
      text += fmt::format("  n{} -> n{} [label=\"{} @ {} bits\"];\n", input, id,
                          PerImage(shapes[input]), costs[input].value_bits);
    }
  }
  return text + "}\n";
}

}  // namespace signum::apps

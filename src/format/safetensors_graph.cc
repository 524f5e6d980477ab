// A Graph in a safetensors file: its parameters are the tensors, its structure is
// in the metadata, as the bytes of a .sgn file without parameters.
#include <fmt/format.h>

#include <bit>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "format/accumulator_bounds.h"
#include "format/base64.h"
#include "format/safetensors.h"
#include "format/sgn.h"
#include "format/sgn_reader.h"
#include "format/sgn_wire.h"
#include "format/state_dict.h"

namespace signum {
namespace format {
namespace {

constexpr const char* kGraphKey = "signum.graph";

// The graph without its parameters.
Graph Structure(const Graph& graph) {
  Graph structure;
  for (const Node& node : graph.nodes()) structure.Add(node.name, node.op, node.inputs);
  structure.name = graph.name;
  structure.class_names = graph.class_names;
  structure.metadata = graph.metadata;
  return structure;
}

bool HoldsCodes(const Tensor& tensor) { return tensor.type() == DataType::kInt8; }

size_t DataBytes(const Tensor& tensor) {
  return static_cast<size_t>(tensor.elements()) * (HoldsCodes(tensor) ? 1 : sizeof(float));
}

void AppendData(const Tensor& tensor, std::vector<uint8_t>& bytes) {
  if (HoldsCodes(tensor)) {
    for (const int8_t code : tensor.codes()) bytes.push_back(static_cast<uint8_t>(code));
    return;
  }
  for (const float value : tensor.floats()) {
    const auto word = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<uint8_t>(word >> shift));
  }
}

// Calls `take` with each parameter's key and tensor: floats first, so that they
// are aligned.
template <typename Take>
void ForEachParameter(const Graph& graph, Take&& take) {
  for (const bool codes : {false, true}) {
    for (const Node& node : graph.nodes()) {
      for (const auto& [role, tensor] : node.parameters) {
        if (HoldsCodes(tensor) == codes) take(ParameterKey(node, role), tensor);
      }
    }
  }
}

std::string HeaderJson(const Graph& graph) {
  nlohmann::ordered_json json;
  json["__metadata__"] = {{"format", "pt"},  // PyTorch's names and layout
                          {kGraphKey, ToBase64(SerializeSgn(Structure(graph)))}};
  size_t at = 0;
  ForEachParameter(graph, [&](const std::string& key, const Tensor& tensor) {
    const size_t end = at + DataBytes(tensor);
    json[key] = {{"dtype", HoldsCodes(tensor) ? "I8" : "F32"},
                 {"shape", tensor.shape().sizes()},
                 {"data_offsets", {at, end}}};
    at = end;
  });
  return json.dump();
}

// Puts the tensors in their places. Errors name the tensor.
Status Attach(const TensorFile& file, Graph& graph) {
  std::map<std::string, NodeId> ids;
  for (NodeId id = 0; id < graph.size(); ++id) ids.emplace(graph.node(id).name, id);
  for (const StoredTensor& stored : file.tensors) {
    // Roles have no dots, so the last one stands before the role.
    const size_t dot = stored.key.rfind('.');
    const auto at = dot == std::string::npos ? ids.end() : ids.find(stored.key.substr(0, dot));
    if (at == ids.end()) {
      return Corrupt(fmt::format("tensor '{}' belongs to no node of its graph", stored.key));
    }
    const std::string role = stored.key.substr(dot + 1);
    const bool codes = role == "weight" && stored.type == kInt8Elements;
    SIGNUM_ASSIGN_OR_RETURN(Tensor tensor, codes ? ToCodes(stored) : ToFloats(stored));
    if (!graph.node(at->second).parameters.emplace(role, std::move(tensor)).second) {
      return Corrupt(fmt::format("tensor '{}' is there twice", stored.key));
    }
  }
  return {};
}

}  // namespace
}  // namespace format

bool HasGraph(const TensorFile& file) { return file.metadata.contains(format::kGraphKey); }

Result<Graph> GraphOf(const TensorFile& file) {
  const auto bytes = format::FromBase64(file.metadata.at(format::kGraphKey));
  if (!bytes) return Corrupt("the graph in its metadata is no base64; export it again");
  Result<Graph> graph = format::ParseStructure(*bytes);
  if (!graph) return tl::unexpected(graph.error().In("the graph in its metadata"));
  SIGNUM_RETURN_IF_ERROR(format::Attach(file, *graph));
  SIGNUM_RETURN_IF_ERROR(Verify(*graph));
  SIGNUM_RETURN_IF_ERROR(CheckAccumulators(*graph));
  return graph;
}

std::vector<uint8_t> SerializeSafetensors(const Graph& graph) {
  SIGNUM_CHECK(format::CheckLimits(graph).has_value());
  std::string header = format::HeaderJson(graph);
  // Spaces behind it align the data to 8 bytes.
  header.append((8 - header.size() % 8) % 8, ' ');
  std::vector<uint8_t> bytes;
  for (int shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<uint8_t>(uint64_t{header.size()} >> shift));
  }
  bytes.insert(bytes.end(), header.begin(), header.end());
  format::ForEachParameter(
      graph, [&](const std::string&, const Tensor& tensor) { format::AppendData(tensor, bytes); });
  return bytes;
}

Status WriteSafetensors(const Graph& graph, const std::string& path) {
  Status fits = Verify(graph);
  if (fits) fits = CheckAccumulators(graph);
  if (fits) fits = format::CheckLimits(graph);
  if (!fits) return tl::unexpected(fits.error().In("cannot write " + path));
  return base::WriteFile(path, SerializeSafetensors(graph));
}

}  // namespace signum

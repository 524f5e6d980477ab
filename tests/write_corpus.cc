// Writes the seeds from which the corpora in tests/corpus were grown, for the day on
// which a format changes:
//   write_corpus FOLDER
// makes FOLDER/TARGET/NAME for each target of `./dev fuzz`.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "format/properties_fuzz.h"
#include "format/safetensors.h"
#include "format/sgn.h"
#include "format/test_graphs.h"
#include "format/test_torch_files.h"
#include "onnx/export.h"
#include "onnx/testing/model_builder.h"

namespace signum::format {
namespace {

using Seeds = std::vector<std::pair<std::string, std::vector<uint8_t>>>;

const std::pair<const char*, Graph> kGraphs[] = {
    {"every_op", EveryOpGraph()}, {"tiny", TinyGraph()}, {"import", ImportNetwork()}};

Seeds SgnSeeds() {
  Seeds seeds;
  for (const auto& [name, graph] : kGraphs) seeds.emplace_back(name, SerializeSgn(graph));
  Graph most = EveryOpGraph();
  most.class_names.clear();  // which are those of all precisions
  seeds.emplace_back("precisions", SerializeSgn(PrecisionGraphs{{2, TinyGraph()}, {8, most}}));
  return seeds;
}

std::vector<uint8_t> Safetensors(const std::string& header, size_t data_bytes) {
  return ToBytes(LittleEndian(header.size(), 8) + header + std::string(data_bytes, '\x3C'));
}

Seeds SafetensorsSeeds() {
  Seeds seeds;
  for (const auto& [name, graph] : kGraphs) seeds.emplace_back(name, SerializeSafetensors(graph));
  // The parameters of ImportNetwork in every type that is read, without the network.
  for (const auto& [dtype, bytes] : {std::pair{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}}) {
    std::string header = R"({"__metadata__":{"format":"pt"})";
    size_t at = 0;
    for (const TestTensor& tensor : CheckpointOf(ImportNetwork()).tensors) {
      size_t end = at + static_cast<size_t>(bytes);
      for (const int64_t size : tensor.sizes) end = at + (end - at) * static_cast<size_t>(size);
      header += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                            tensor.key, dtype, fmt::join(tensor.sizes, ","), at, end);
      at = end;
    }
    seeds.emplace_back(dtype, Safetensors(header + "}", at));
  }
  seeds.emplace_back("types",
                     Safetensors(R"({"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                                 R"("b":{"dtype":"BOOL","shape":[2,0],"data_offsets":[8,8]},)"
                                 R"("c":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[8,11]}})",
                                 11));
  return seeds;
}

Seeds TorchCheckpointSeeds() {
  TestCheckpoint import = CheckpointOf(ImportNetwork()), nested = import, wrapped = import, odd;
  nested.nested = "state_dict";
  for (TestTensor& tensor : wrapped.tensors) tensor.key = "module." + tensor.key;
  odd.Add("half", {2, 2}, {1, 2});
  odd.tensors.back().storage_class = "HalfStorage";
  odd.storages.back().elements = 4;
  odd.Add("bfloat", {4}, {1, 2});
  odd.tensors.back().storage_class = "BFloat16Storage";
  odd.storages.back().elements = 4;
  odd.Add("counter.num_batches_tracked", {}, {1, 2});
  odd.tensors.back().storage_class = "LongStorage";
  odd.storages.back().elements = 1;
  odd.Add("values", {2, 3}, {1, 2, 3, 4, 5, 6});
  odd.tensors.push_back({"view", odd.storages.back().key, {3}, {2}, 1});
  TestCheckpoint big_endian = import;
  big_endian.little_endian = false;
  Seeds seeds;
  for (const auto& [name, checkpoint] : {std::pair{"import", import},
                                         {"nested", nested},
                                         {"wrapped", wrapped},
                                         {"odd", odd},
                                         {"big_endian", big_endian}}) {
    seeds.emplace_back(fmt::format("{}.zip", name), ToBytes(ZipFile(checkpoint)));
    seeds.emplace_back(fmt::format("{}.legacy", name), ToBytes(LegacyFile(checkpoint)));
  }
  return seeds;
}

// A model of one node that reads the input and these parameters.
std::vector<uint8_t> OneNode(const std::string& op, int64_t opset,
                             const std::vector<std::vector<int64_t>>& integers) {
  onnx::ModelBuilder model(opset);
  model.Input("x", {1, 2, 4, 4}).Output("y");
  std::vector<std::string> inputs = {"x"};
  for (const auto& numbers : integers) {
    inputs.push_back(fmt::format("i{}", inputs.size()));
    model.Integers(inputs.back(), numbers);
  }
  model.Node(op, inputs, {"y"});
  return ToBytes(model.Bytes());
}

using onnx::ModelBuilder;
using onnx::SetInt;
using onnx::SetInts;
using onnx::SetString;
using ::onnx::TensorProto;

std::vector<uint8_t> BytesOf(const ModelBuilder& model) { return ToBytes(model.Bytes()); }

// x {1, 2, 4, 4} of a type -> y, by the nodes that are added.
ModelBuilder OfInput(int64_t opset = 17, int32_t type = TensorProto::FLOAT) {
  ModelBuilder model(opset);
  model.Input("x", {1, 2, 4, 4}, type).Output("y");
  return model;
}

void AddByte(ModelBuilder& model, const std::string& name, int32_t type, int value) {
  model.Tensor(name, type, {}).add_int32_data(value);
}

// {3, 2, 1, 1} codes.
void AddCodes(ModelBuilder& model, const std::string& name) {
  auto& tensor = model.Tensor(name, TensorProto::INT8, {3, 2, 1, 1});
  for (const int code : {1, -2, 3, -4, 5, -6}) tensor.add_int32_data(code);
}

Seeds LayerSeeds() {
  ModelBuilder clip = OfInput();
  clip.Floats("low", {}, {-1}).Floats("high", {}, {2}).Node("Clip", {"x", "low", "high"}, {"y"});
  ModelBuilder conv = OfInput();
  conv.Floats("w", {2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}).Floats("b", {2}, {1, -1});
  auto& node = conv.Node("Conv", {"x", "w", "b"}, {"y"});
  SetInt(node, "group", 2);
  SetInts(node, "strides", {2, 1});
  SetInts(node, "pads", {1, 0, 0, 1});
  ModelBuilder gemm;
  gemm.Input("x", {-1, 3}).Output("y");
  gemm.Floats("w", {2, 3}, {1, 2, 3, 4, 5, 6}).Floats("b", {2}, {1, -1});
  SetInt(gemm.Node("Gemm", {"x", "w", "b"}, {"y"}), "transB", 1);
  ModelBuilder resize = OfInput();
  resize.Floats("scales", {4}, {1, 1, 1.5f, 0.75f});
  SetString(resize.Node("Resize", {"x", "", "scales"}, {"y"}), "mode", "cubic");
  ModelBuilder transpose = OfInput();
  SetInts(transpose.Node("Transpose", {"x"}, {"y"}), "perm", {0, 2, 3, 1});
  return {{"Clip", BytesOf(clip)},
          {"Conv", BytesOf(conv)},
          {"Gemm", BytesOf(gemm)},
          {"Resize", BytesOf(resize)},
          {"Transpose", BytesOf(transpose)}};
}

Seeds QuantizedLayerSeeds() {
  ModelBuilder linear = OfInput(17, TensorProto::UINT8);
  for (const char* scale : {"xs", "ws", "ys"}) linear.Floats(scale, {}, {0.5f});
  AddByte(linear, "xz", TensorProto::UINT8, 128);
  AddByte(linear, "wz", TensorProto::INT8, 0);
  AddByte(linear, "yz", TensorProto::UINT8, 3);
  AddCodes(linear, "w");
  linear.Node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"y"});
  ModelBuilder integer = OfInput(17, TensorProto::UINT8);
  AddByte(integer, "xz", TensorProto::UINT8, 128);
  AddCodes(integer, "w");
  integer.Node("ConvInteger", {"x", "w", "xz"}, {"y"});
  constexpr char kQonnx[] = "qonnx.custom_op.general";
  ModelBuilder trunc = OfInput();
  trunc.Opset(kQonnx, 1).Floats("scale", {}, {0.25f}).Floats("zero", {}, {0});
  trunc.Floats("in", {}, {8}).Floats("out", {}, {4});
  SetString(trunc.Node("Trunc", {"x", "scale", "zero", "in", "out"}, {"y"}, kQonnx),
            "rounding_mode", "FLOOR");
  return {{"QLinearConv", BytesOf(linear)},
          {"ConvInteger", BytesOf(integer)},
          {"Trunc", BytesOf(trunc)}};
}

Result<Seeds> OnnxSeeds() {
  Seeds seeds = {{"Slice", OneNode("Slice", 13, {{1, 0}, {3, 9}, {2, 3}, {1, 2}})},
                 {"Pad", OneNode("Pad", 13, {{0, 0, 1, 1, 0, 0, 1, 1}})},
                 {"Reshape", OneNode("Reshape", 13, {{0, -1}})},
                 {"Squeeze", OneNode("Squeeze", 13, {{0}})},
                 {"Unsqueeze", OneNode("Unsqueeze", 13, {{1}})},
                 {"Split", OneNode("Split", 13, {{1, 1}})},
                 {"Gather", OneNode("Gather", 13, {{0}})},
                 {"ReduceMean", OneNode("ReduceMean", 18, {{1, 2}})},
                 {"Shape", OneNode("Shape", 15, {})},
                 {"Softmax", OneNode("Softmax", 11, {})},
                 {"HardSigmoid", OneNode("HardSigmoid", 13, {})}};
  for (const Seeds& more : {LayerSeeds(), QuantizedLayerSeeds()}) {
    seeds.insert(seeds.end(), more.begin(), more.end());
  }
  for (const auto& [name, graph] : kGraphs) {
    for (const auto form : {onnx::OnnxForm::kQdq, onnx::OnnxForm::kQonnx}) {
      SIGNUM_ASSIGN_OR_RETURN(const std::string bytes, onnx::ExportOnnx(graph, {.form = form}));
      seeds.emplace_back(fmt::format("{}.{}", name, form == onnx::OnnxForm::kQdq ? "qdq" : "qonnx"),
                         ToBytes(bytes));
    }
  }
  return seeds;
}

Status WriteSeeds(const std::string& folder) {
  SIGNUM_ASSIGN_OR_RETURN(const Seeds onnx_seeds, OnnxSeeds());
  for (const auto& [target, seeds] : {std::pair{"onnx", onnx_seeds},
                                      {"sgn", SgnSeeds()},
                                      {"safetensors", SafetensorsSeeds()},
                                      {"torch_checkpoint", TorchCheckpointSeeds()}}) {
    const std::string target_folder = fmt::format("{}/{}", folder, target);
    SIGNUM_RETURN_IF_ERROR(base::MakeFolders(target_folder));
    for (const auto& [name, bytes] : seeds) {
      SIGNUM_RETURN_IF_ERROR(base::WriteFile(fmt::format("{}/{}", target_folder, name), bytes));
    }
  }
  return {};
}

}  // namespace
}  // namespace signum::format

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_corpus FOLDER\n");
    return 2;
  }
  const signum::Status status = signum::format::WriteSeeds(argv[1]);
  if (!status) std::fprintf(stderr, "write_corpus: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}

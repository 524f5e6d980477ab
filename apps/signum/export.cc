// `signum export`: models as files that other frameworks read.
#include "onnx/export.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "base/file.h"
#include "format/safetensors.h"
#include "json_text.h"
#include "model_argument.h"
#include "report/text.h"
#include "verb.h"

namespace signum::apps {
namespace {

struct ExportFlags {
  int bits = 0;  // of a switchable model; 0: the most
  std::string model;
  ZooFlags zoo;
  std::string safetensors, onnx;  // one of them is empty
  std::string form = "qdq";
  int opset = onnx::kNewestOnnxOpset;
  bool json = false;
};

Status WriteOnnx(const Graph& graph, const ExportFlags& flags) {
  SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(flags.onnx));
  const onnx::OnnxExportOptions options{
      flags.form == "qonnx" ? onnx::OnnxForm::kQonnx : onnx::OnnxForm::kQdq, flags.opset};
  const Result<std::string> bytes = onnx::ExportOnnx(graph, options);
  if (!bytes) return tl::unexpected(bytes.error().In(flags.model));
  return base::WriteFile(flags.onnx, *bytes);
}

int64_t ParameterCount(const Graph& graph) {
  int64_t tensors = 0;
  for (const Node& node : graph.nodes()) tensors += static_cast<int64_t>(node.parameters.size());
  return tensors;
}

void PrintJson(const ExportFlags& flags, const Graph& graph, int64_t bytes) {
  nlohmann::ordered_json json;
  json["model"] = flags.model;
  json["network"] = graph.name;
  if (flags.onnx.empty()) {
    json["safetensors"] = flags.safetensors;
    json["tensors"] = ParameterCount(graph);
  } else {
    json["onnx"] = flags.onnx;
    json["form"] = flags.form;
    json["opset"] = flags.opset;
  }
  json["bytes"] = bytes;
  std::fputs(JsonText(json).c_str(), stdout);
}

void PrintSentence(const ExportFlags& flags, const Graph& graph, int64_t bytes) {
  const bool tensors = flags.onnx.empty();
  const std::string what =
      tensors ? fmt::format("with {} tensors", report::HumanCount(ParameterCount(graph)))
              : fmt::format("as ONNX of opset {}, {} form", flags.opset, flags.form);
  std::printf("%s\n",
              fmt::format("{} {}, written to {} ({} bytes)", graph.name, what,
                          tensors ? flags.safetensors : flags.onnx, report::HumanCount(bytes))
                  .c_str());
}

Status Export(const ExportFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph,
                          LoadGraph(flags.model, flags.zoo, /*weights=*/true, flags.bits));
  const std::string& path = flags.onnx.empty() ? flags.safetensors : flags.onnx;
  SIGNUM_RETURN_IF_ERROR(flags.onnx.empty() ? WriteSafetensors(graph, path)
                                            : WriteOnnx(graph, flags));
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  const int64_t bytes = error ? 0 : static_cast<int64_t>(size);
  if (flags.json) {
    PrintJson(flags, graph, bytes);
  } else {
    PrintSentence(flags, graph, bytes);
  }
  return {};
}

}  // namespace

Action AddExport(CLI::App& command) {
  const auto flags = std::make_shared<ExportFlags>();
  AddModelArgument(command, flags->model,
                   "a .sgn file, a name of models/, or the name of a zoo network")
      ->required();
  AddBitsFlag(command, flags->bits);
  CLI::Option* onnx_file =
      command.add_option("--onnx", flags->onnx, "write an ONNX model, for other runtimes")
          ->type_name("FILE");
  command
      .add_option("--safetensors", flags->safetensors,
                  "write the weights, under PyTorch's names, and the network to this file")
      ->type_name("FILE")
      ->excludes(onnx_file);
  command
      .add_option("--form", flags->form,
                  "how ONNX says quantizers: qdq (its own operators) or qonnx (QONNX's Quant)")
      ->capture_default_str()
      ->check(CLI::IsMember({"qdq", "qonnx"}))
      ->needs(onnx_file);
  command.add_option("--opset", flags->opset, "the version of ONNX's operators")
      ->capture_default_str()
      ->check(CLI::Range(onnx::kOldestOnnxOpset, onnx::kNewestOnnxOpset))
      ->needs(onnx_file);
  command.add_flag("--json", flags->json, "print JSON instead of a sentence");
  AddZooFlags(command, flags->zoo);
  command.callback([flags] {
    if (!flags->onnx.empty() || !flags->safetensors.empty()) return;
    throw CLI::RequiredError("--onnx FILE or --safetensors FILE");
  });
  return [flags] { return Export(*flags); };
}

}  // namespace signum::apps

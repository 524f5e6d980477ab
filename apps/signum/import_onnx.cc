// The half of `signum import` that takes ONNX models.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "format/sgn.h"
#include "import_flags.h"
#include "json_text.h"
#include "onnx/import.h"
#include "report/table.h"

namespace signum::apps {
namespace {

Status CheckFlags(const ImportFlags& flags) {
  const bool named = !flags.arch.empty() || flags.zoo.classes != 0 || !flags.zoo.variant.empty() ||
                     flags.assign.allow_missing || flags.assign.allow_unexpected;
  if (!named) return {};
  return InvalidArgument(fmt::format(
      "'{}' is an ONNX model and says itself which network it holds; --arch, --classes, --variant, "
      "--allow-missing and --allow-unexpected are for files of tensors alone",
      flags.file));
}

Result<onnx::OnnxImportOptions> OptionsOf(const ImportFlags& flags) {
  onnx::OnnxImportOptions options{.output = flags.tensor};
  SIGNUM_ASSIGN_OR_RETURN(const zoo::ZooOptions sizes, ToZooOptions(flags.zoo));
  if (!flags.zoo.input.empty()) options.input_sizes = {sizes.channels, sizes.height, sizes.width};
  SIGNUM_ASSIGN_OR_RETURN(options.mean, ParseNumbers("--mean", flags.mean));
  SIGNUM_ASSIGN_OR_RETURN(options.deviation, ParseNumbers("--std", flags.deviation));
  if (options.mean.size() != options.deviation.size()) {
    return InvalidArgument("--mean and --std go together, a number for each channel in both");
  }
  const std::filesystem::path folder = std::filesystem::path(flags.file).parent_path();
  options.folder = folder.empty() ? "." : folder.string();
  return options;
}

void PrintJson(const onnx::OnnxImport& imported, const ImportFlags& flags) {
  nlohmann::ordered_json json;
  json["file"] = flags.file;
  json["kind"] = "ONNX model";
  json["network"] = imported.graph.name;
  json["output"] = flags.output;
  json["producer"] = imported.producer;
  json["opset"] = imported.opset;
  auto& nodes = json["nodes"] = nlohmann::ordered_json::array();
  for (const onnx::OnnxPlacement& place : imported.placements) {
    nodes.push_back({{"node", place.node}, {"operator", place.op}, {"became", place.became}});
  }
  json["notes"] = imported.notes;
  std::fputs(JsonText(json).c_str(), stdout);
}

void PrintTable(const onnx::OnnxImport& imported, const ImportFlags& flags) {
  report::Table table({{"node"}, {"operator"}, {"became"}});
  for (const onnx::OnnxPlacement& place : imported.placements) {
    table.AddRow({place.node, place.op, place.became});
  }
  std::fputs(table.ToText().c_str(), stdout);
  for (const std::string& note : imported.notes) std::printf("note: %s\n", note.c_str());
  const std::string producer = imported.producer.empty() ? "" : " by " + imported.producer;
  std::printf("\n%s\n", fmt::format("{} from an ONNX model{} (opset {}), written to {}",
                                    imported.graph.name, producer, imported.opset, flags.output)
                            .c_str());
}

}  // namespace

Status ImportOnnxModel(std::span<const uint8_t> bytes, const ImportFlags& flags) {
  SIGNUM_RETURN_IF_ERROR(CheckFlags(flags));
  SIGNUM_ASSIGN_OR_RETURN(const onnx::OnnxImportOptions options, OptionsOf(flags));
  Result<onnx::OnnxImport> imported = onnx::ImportOnnx(bytes, options);
  if (!imported) return tl::unexpected(imported.error().In(flags.file));
  imported->graph.metadata.try_emplace("imported_from", PlainFileName(flags.file));
  SIGNUM_RETURN_IF_ERROR(WriteSgn(imported->graph, flags.output));
  if (flags.json) {
    PrintJson(*imported, flags);
  } else {
    PrintTable(*imported, flags);
  }
  return {};
}

}  // namespace signum::apps

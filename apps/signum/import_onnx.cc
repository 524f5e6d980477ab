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

// "3x224x224", "16x100": a size for each axis but the batch.
Result<std::vector<int64_t>> ParseSizes(const std::string& text) {
  std::vector<int64_t> sizes;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    int64_t size = 0;
    const auto [next, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 1 || (next != end && (*next != 'x' || next + 1 == end))) {
      return InvalidArgument(fmt::format(
          "--input '{}' is not a size for each axis besides the batch, as in 3x224x224", text));
    }
    sizes.push_back(size);
    at = next == end ? end : next + 1;
  }
  return sizes;
}

// Text of the file, made fit for a terminal.
std::string PlainText(std::string text) {
  constexpr size_t kLongest = 200;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  for (char& c : text) c = c >= ' ' && c < 127 ? c : '?';
  return text;
}

Result<onnx::OnnxImportOptions> OptionsOf(const ImportFlags& flags) {
  onnx::OnnxImportOptions options{.output = flags.tensor};
  SIGNUM_ASSIGN_OR_RETURN(options.input_sizes, ParseSizes(flags.zoo.input));
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
    table.AddRow({PlainText(place.node), PlainText(place.op), place.became});
  }
  std::fputs(table.ToText().c_str(), stdout);
  for (const std::string& note : imported.notes) std::printf("note: %s\n", note.c_str());
  const std::string producer =
      imported.producer.empty() ? "" : " by " + PlainText(imported.producer);
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

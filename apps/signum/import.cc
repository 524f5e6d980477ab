// `signum import`: networks from the files of other frameworks. What the file is,
// its first bytes say; what network its tensors belong to, --arch does, unless the
// file itself knows. ONNX models are import_onnx.cc's.
#include "onnx/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "format/safetensors.h"
#include "format/sgn.h"
#include "format/state_dict.h"
#include "format/tensor_file.h"
#include "format/torch_checkpoint.h"
#include "import_flags.h"
#include "json_text.h"
#include "report/table.h"
#include "verb.h"
#include "zoo/zoo.h"

namespace signum::apps {
namespace {

// One line of what import tells: a tensor and where it went.
struct Placement {
  std::string key, node, role;  // no key: missing; no node: left out
  std::string shape, type;
};

struct Imported {
  Graph graph;
  std::string kind;
  std::vector<Placement> placements;
};

Result<TensorFile> ReadTensors(std::vector<uint8_t> bytes, const std::string& path) {
  Result<TensorFile> file;
  if (IsTorchCheckpoint(bytes)) {
    file = ParseTorchCheckpoint(std::move(bytes));
  } else if (IsSafetensors(bytes)) {
    file = ParseSafetensors(std::move(bytes));
  } else {
    file = Unsupported(
        "is neither a PyTorch checkpoint nor a safetensors file nor an ONNX model, going by how it "
        "starts; these three are imported");
  }
  if (!file) return tl::unexpected(file.error().In(path));
  return file;
}

// The tensor that is meant for the weight of the first convolution of one group.
const ParameterMatch* FirstConvolution(const Graph& graph, const StateDictMatch& match) {
  for (const ParameterMatch& parameter : match.parameters) {
    const auto* op = std::get_if<ConvolutionOp>(&graph.node(parameter.node).op);
    if (op != nullptr && parameter.role == "weight") return op->groups == 1 ? &parameter : nullptr;
  }
  return nullptr;
}

// The one for the weight of the last layer, where that is a linear one.
const ParameterMatch* LastLinear(const Graph& graph, const StateDictMatch& match) {
  const ParameterMatch* last = nullptr;
  for (const ParameterMatch& parameter : match.parameters) {
    if (parameter.role == "weight") last = &parameter;
  }
  const bool linear =
      last != nullptr && std::holds_alternative<LinearOp>(graph.node(last->node).op);
  return linear ? last : nullptr;
}

// The size along `axis` of a parameter's tensor, if it has the parameter's sizes
// along every other; else 0.
int64_t TellingSize(const Graph& graph, const ParameterMatch* parameter, size_t axis) {
  if (parameter == nullptr || parameter->tensor == nullptr) return 0;
  std::vector<int64_t> sizes = parameter->tensor->sizes;
  const std::vector<int64_t>& built = graph.node(parameter->node).Find("weight")->shape().sizes();
  if (sizes.size() != built.size()) return 0;
  const int64_t telling = std::exchange(sizes[axis], built[axis]);
  return sizes == built ? telling : 0;
}

// The network that --arch names. Channels and classes that no flag gives are those
// of the file's tensors, as far as they tell.
Result<Graph> BuildNetwork(const TensorFile& file, const ImportFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(zoo::ZooOptions options, ToZooOptions(flags.zoo));
  if (options.classes == 0 || options.channels == 0) {
    zoo::ZooOptions shapes = options;
    shapes.weights = false;
    SIGNUM_ASSIGN_OR_RETURN(const Graph probe, zoo::BuildZoo(flags.arch, shapes));
    const StateDictMatch match = MatchStateDict(probe, file);
    if (options.classes == 0) options.classes = TellingSize(probe, LastLinear(probe, match), 0);
    if (options.channels == 0) {
      options.channels = TellingSize(probe, FirstConvolution(probe, match), 1);
    }
  }
  SIGNUM_ASSIGN_OR_RETURN(options.mean, ParseNumbers("--mean", flags.mean));
  SIGNUM_ASSIGN_OR_RETURN(options.deviation, ParseNumbers("--std", flags.deviation));
  for (float deviation : options.deviation) {
    if (deviation > 0) continue;
    return InvalidArgument(fmt::format("--std {} has {}, which nothing can be divided by",
                                       flags.deviation, deviation));
  }
  return zoo::BuildZoo(flags.arch, options);
}

Result<Imported> ImportInto(const TensorFile& file, const ImportFlags& flags) {
  Imported imported;
  SIGNUM_ASSIGN_OR_RETURN(imported.graph, BuildNetwork(file, flags));
  const StateDictMatch match = MatchStateDict(imported.graph, file);
  Status assigned = AssignStateDict(match, flags.assign, imported.graph);
  if (!assigned) return tl::unexpected(assigned.error().In(flags.file));
  if (Status verified = Verify(imported.graph); !verified) {
    return Corrupt(fmt::format("{}: {}; no network works with that: save it again", flags.file,
                               verified.error().message));
  }
  for (const ParameterMatch& parameter : match.parameters) {
    const Node& node = imported.graph.node(parameter.node);
    Placement placement{.node = node.name,
                        .role = parameter.role,
                        .shape = node.Find(parameter.role)->shape().ToString()};
    if (parameter.tensor != nullptr) {
      placement.key = parameter.tensor->key;
      placement.type = parameter.tensor->type.name;
    }
    imported.placements.push_back(std::move(placement));
  }
  for (const std::string& key : match.unexpected) imported.placements.push_back({.key = key});
  imported.graph.metadata["imported_from"] = PlainFileName(flags.file);
  return imported;
}

// The graph that a file of our own holds.
Result<Imported> ImportOwn(const TensorFile& file, const ImportFlags& flags) {
  const bool shaped = !flags.zoo.input.empty() || flags.zoo.classes != 0 ||
                      !flags.zoo.variant.empty() || !flags.mean.empty() || !flags.deviation.empty();
  if (shaped) {
    return InvalidArgument(
        fmt::format("'{}' says itself which network it holds; --input, "
                    "--classes, --variant, --mean and --std go with --arch",
                    flags.file));
  }
  Result<Graph> graph = GraphOf(file);
  if (!graph) return tl::unexpected(graph.error().In(flags.file));
  Imported imported{.graph = *std::move(graph)};
  for (const StoredTensor& tensor : file.tensors) {
    const size_t dot = tensor.key.rfind('.');  // GraphOf found a node before it
    imported.placements.push_back({.key = tensor.key,
                                   .node = tensor.key.substr(0, dot),
                                   .role = tensor.key.substr(dot + 1),
                                   .shape = tensor.ShapeText(),
                                   .type = std::string(tensor.type.name)});
  }
  return imported;
}

void PrintJson(const Imported& imported, const ImportFlags& flags) {
  nlohmann::ordered_json json;
  json["file"] = flags.file;
  json["kind"] = imported.kind;
  json["network"] = imported.graph.name;
  json["output"] = flags.output;
  auto& mapped = json["mapped"] = nlohmann::ordered_json::array();
  auto& missing = json["missing"] = nlohmann::ordered_json::array();
  auto& unexpected = json["unexpected"] = nlohmann::ordered_json::array();
  for (const Placement& place : imported.placements) {
    if (place.key.empty()) {
      missing.push_back(place.node + "." + place.role);
    } else if (place.node.empty()) {
      unexpected.push_back(place.key);
    } else {
      mapped.push_back({{"key", place.key},
                        {"node", place.node},
                        {"role", place.role},
                        {"shape", place.shape},
                        {"type", place.type}});
    }
  }
  std::fputs(JsonText(json).c_str(), stdout);
}

void PrintTable(const Imported& imported, const ImportFlags& flags) {
  report::Table table({{"key"}, {"node"}, {"role"}, {"shape", true}, {"type"}});
  for (const Placement& place : imported.placements) {
    table.AddRow({place.key.empty() ? "(missing: left at its start)" : place.key,
                  place.node.empty() ? "(left out)" : place.node, place.role, place.shape,
                  place.type});
  }
  std::fputs(table.ToText().c_str(), stdout);
  std::printf("\n%s\n", fmt::format("{} from a {}, written to {}", imported.graph.name,
                                    imported.kind, flags.output)
                            .c_str());
}

Status Import(const ImportFlags& flags) {
  SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(flags.output));
  SIGNUM_ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, base::ReadFile(flags.file));
  if (onnx::IsOnnx(bytes)) return ImportOnnxModel(bytes, flags);
  if (!flags.tensor.empty()) {
    return InvalidArgument("--tensor names an output of an ONNX model, which '" + flags.file +
                           "' is not");
  }
  SIGNUM_ASSIGN_OR_RETURN(const TensorFile file, ReadTensors(std::move(bytes), flags.file));
  if (flags.arch.empty() && !HasGraph(file)) {
    return InvalidArgument(
        fmt::format("'{}' does not say which network its tensors belong to; name it with --arch, "
                    "one of {}",
                    flags.file, fmt::join(zoo::ZooNames(), ", ")));
  }
  SIGNUM_ASSIGN_OR_RETURN(Imported imported,
                          flags.arch.empty() ? ImportOwn(file, flags) : ImportInto(file, flags));
  imported.kind = file.kind;
  SIGNUM_RETURN_IF_ERROR(WriteSgn(imported.graph, flags.output));
  if (flags.json) {
    PrintJson(imported, flags);
  } else {
    PrintTable(imported, flags);
  }
  return {};
}

}  // namespace

Action AddImport(CLI::App& command) {
  const auto flags = std::make_shared<ImportFlags>();
  command
      .add_option("FILE", flags->file, "an ONNX model, a PyTorch checkpoint or a safetensors file")
      ->required();
  command.add_option("-o,--output", flags->output, "the .sgn file to write")
      ->type_name("FILE")
      ->required();
  command
      .add_option("--arch", flags->arch,
                  "the zoo network that the tensors are for; an ONNX model, and a safetensors file "
                  "that `signum export` wrote, need none")
      ->type_name("NAME");
  command
      .add_option("--tensor", flags->tensor, "which output to keep of an ONNX model with several")
      ->type_name("NAME");
  command.add_option("--mean", flags->mean, "what the network subtracts from its input's channels")
      ->type_name("X,Y,Z");
  command.add_option("--std", flags->deviation, "what it then divides them by")->type_name("X,Y,Z");
  command.add_flag("--allow-missing", flags->assign.allow_missing,
                   "leave weights that the file lacks as they start");
  command.add_flag("--allow-unexpected", flags->assign.allow_unexpected,
                   "leave out what the network has no place for");
  command.add_flag("--json", flags->json, "print JSON instead of a table");
  AddZooFlags(command, flags->zoo);
  command.add_option("--shortcut", flags->zoo.variant, "another name for a ResNet's --variant")
      ->type_name("NAME")
      ->excludes("--variant")
      ->group("Shape of a zoo network");
  return [flags] { return Import(*flags); };
}

}  // namespace signum::apps

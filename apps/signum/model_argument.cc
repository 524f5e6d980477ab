#include "model_argument.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/nearest.h"
#include "format/sgn.h"
#include "share.h"

namespace signum::apps {
namespace {

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

}  // namespace

std::string ModelPath(const std::string& argument) {
  if (IsModelFile(argument)) return argument;
  return FindShared("models", argument + ".sgn").value_or(argument);
}

CLI::Option* AddModelArgument(CLI::App& command, std::string& model, const std::string& help) {
  return command.add_option("MODEL", model, help)
      ->transform(CLI::Validator(
          [](std::string& argument) {
            argument = ModelPath(argument);
            return std::string();
          },
          ""));
}

bool IsModelFile(const std::string& argument) {
  if (IsFolder(argument)) return false;
  std::error_code ignored;
  return argument.ends_with(".sgn") || std::filesystem::exists(argument, ignored);
}

Status CheckNotLatent(const Graph& graph) {
  const auto weights = graph.metadata.find("weights");
  if (weights == graph.metadata.end() || weights->second != "latent") return {};
  return InvalidArgument(
      "these are the float weights behind a quantized network, which are there to be quantized "
      "again "
      "by training, not to run or to teach; name the network before it was quantized");
}

void AddBitsFlag(CLI::App& command, int& bits) {
  command
      .add_option(
          "--bits", bits,
          "which precision of a switchable model (signum train --switchable); the most bits "
          "where not given")
      ->type_name("N")
      ->check(CLI::Range(1, 32));
}

Status CheckTrained(const std::string& argument) {
  if (IsModelFile(argument)) return {};
  const std::vector<std::string> names = zoo::ZooNames();
  if (std::find(names.begin(), names.end(), argument) == names.end()) {
    return LoadGraph(argument).map([](const Graph&) {});  // the error that suggests a name
  }
  return InvalidArgument(fmt::format(
      "'{0}' is not a .sgn file, but a network without training; train one with: signum train {0}",
      argument));
}

Result<Graph> LoadGraph(const std::string& file_or_zoo_name, const zoo::ZooOptions& options,
                        int bits) {
  if (IsModelFile(file_or_zoo_name)) return ReadSgn(file_or_zoo_name, bits);
  if (bits != 0) {
    return InvalidArgument(fmt::format(
        "'{}' is not a .sgn file, and --bits chooses among the precisions of one; leave it out",
        file_or_zoo_name));
  }
  const std::vector<std::string> names = zoo::ZooNames();
  for (const std::string& name : names) {
    if (name == file_or_zoo_name) return zoo::BuildZoo(name, options);
  }
  if (IsFolder(file_or_zoo_name)) {
    return InvalidArgument(
        fmt::format("'{}' is a folder; give the .sgn file in it", file_or_zoo_name));
  }
  const std::vector<std::string> trained = SharedNames("models", ".sgn");
  std::vector<std::string> all = names;
  all.insert(all.end(), trained.begin(), trained.end());
  const std::string nearest = Nearest(file_or_zoo_name, all);
  return NotFound(fmt::format(
      "'{}' is neither a file, nor a network of the zoo, nor a model that comes with "
      "Signum{}; give the path of a .sgn file, or one of {}{}{}",
      file_or_zoo_name, nearest.empty() ? "" : " (did you mean '" + nearest + "'?)",
      fmt::join(names, ", "), trained.empty() ? "" : "; trained: ", fmt::join(trained, ", ")));
}

void AddZooFlags(CLI::App& command, ZooFlags& flags) {
  const std::string group = "Shape of a zoo network";
  command
      .add_option("--input", flags.input, "channels x height x width (default: the network's own)")
      ->type_name("CxHxW")
      ->group(group);
  command.add_option("--classes", flags.classes, "number of classes (default: the network's own)")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30).description(""))
      ->group(group);
  command
      .add_option("--variant", flags.variant,
                  "form of the network; resnet20 to resnet110: projection, keras, pad; vgg-small: "
                  "relu, hardtanh")
      ->type_name("NAME")
      ->group(group);
}

Result<zoo::ZooOptions> ToZooOptions(const ZooFlags& flags) {
  zoo::ZooOptions options;
  options.classes = flags.classes;
  options.variant = flags.variant;
  if (flags.input.empty()) return options;
  int64_t* const sizes[] = {&options.channels, &options.height, &options.width};
  const char* at = flags.input.data();
  const char* const end = at + flags.input.size();
  for (int axis = 0; axis < 3; ++axis) {
    const auto [next, error] = std::from_chars(at, end, *sizes[axis]);
    const bool separated = axis < 2 ? next != end && *next == 'x' : next == end;
    if (error != std::errc() || *sizes[axis] < 1 || !separated) {
      return InvalidArgument(
          fmt::format("--input '{}' is not CHANNELSxHEIGHTxWIDTH, as in 3x32x32", flags.input));
    }
    at = next + 1;
  }
  return options;
}

Result<Graph> LoadGraph(const std::string& file_or_zoo_name, const ZooFlags& flags, bool weights,
                        int bits) {
  const bool shaped = !flags.input.empty() || flags.classes != 0 || !flags.variant.empty();
  if (shaped && IsModelFile(file_or_zoo_name)) {
    return InvalidArgument(
        fmt::format("'{}' is a file and keeps its own shape; --input, --classes and --variant are "
                    "for zoo names",
                    file_or_zoo_name));
  }
  SIGNUM_ASSIGN_OR_RETURN(zoo::ZooOptions options, ToZooOptions(flags));
  options.weights = weights;
  return LoadGraph(file_or_zoo_name, options, bits);
}

}  // namespace signum::apps

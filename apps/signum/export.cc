// `signum export`: models as files that other frameworks read.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "format/safetensors.h"
#include "model_argument.h"
#include "report/text.h"
#include "verb.h"

namespace signum::apps {
namespace {

struct ExportFlags {
  std::string model;
  ZooFlags zoo;
  std::string safetensors;
  bool json = false;
};

Status Export(const ExportFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, LoadGraph(flags.model, flags.zoo));
  SIGNUM_RETURN_IF_ERROR(WriteSafetensors(graph, flags.safetensors));
  int64_t tensors = 0;
  for (const Node& node : graph.nodes()) tensors += static_cast<int64_t>(node.parameters.size());
  std::error_code error;
  const auto size = std::filesystem::file_size(flags.safetensors, error);
  const int64_t bytes = error ? 0 : static_cast<int64_t>(size);
  if (flags.json) {
    nlohmann::ordered_json json;
    json["model"] = flags.model;
    json["network"] = graph.name;
    json["safetensors"] = flags.safetensors;
    json["tensors"] = tensors;
    json["bytes"] = bytes;
    // File names may hold any bytes; JSON may not.
    const auto text = json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
    std::printf("%s\n", text.c_str());
    return {};
  }
  std::printf("%s\n",
              fmt::format("{} with {} tensors, written to {} ({} bytes)", graph.name,
                          report::HumanCount(tensors), flags.safetensors, report::HumanCount(bytes))
                  .c_str());
  return {};
}

}  // namespace

Action AddExport(CLI::App& command) {
  const auto flags = std::make_shared<ExportFlags>();
  command.add_option("MODEL", flags->model, "a .sgn file or the name of a zoo network")->required();
  command
      .add_option("--safetensors", flags->safetensors,
                  "write the weights, under PyTorch's names, and the network to this file")
      ->type_name("FILE")
      ->required();
  command.add_flag("--json", flags->json, "print JSON instead of a sentence");
  AddZooFlags(command, flags->zoo);
  return [flags] { return Export(*flags); };
}

}  // namespace signum::apps

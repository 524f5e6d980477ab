// `signum info`: what a network is made of and what it costs.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "base/file.h"
#include "model_argument.h"
#include "model_table.h"
#include "verb.h"

namespace signum::apps {
namespace {

struct InfoFlags {
  std::string model;
  ZooFlags zoo;
  bool json = false;
  bool dot = false;
  std::string output;
};

Status Info(const InfoFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, LoadGraph(flags.model, flags.zoo));
  ModelFacts facts{graph, flags.model, {}};
  if (IsModelFile(flags.model)) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(flags.model, error);
    if (!error) facts.file_bytes = static_cast<int64_t>(bytes);
  }
  // Names in a model file may hold any bytes; JSON may not.
  const std::string text =
      flags.json
          ? ModelJson(facts).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"
      : flags.dot ? ModelDot(graph)
                  : ModelTable(facts);
  if (!flags.output.empty()) return base::WriteFile(flags.output, text);
  std::fputs(text.c_str(), stdout);
  return {};
}

}  // namespace

Action AddInfo(CLI::App& command) {
  const auto flags = std::make_shared<InfoFlags>();
  command.add_option("MODEL", flags->model, "a .sgn file or the name of a zoo network")->required();
  CLI::Option* json = command.add_flag("--json", flags->json, "print JSON instead of a table");
  command.add_flag("--dot", flags->dot, "print the graph for Graphviz: pipe it into dot -Tsvg")
      ->excludes(json);
  command.add_option("-o,--output", flags->output, "write to this file instead")->type_name("FILE");
  AddZooFlags(command, flags->zoo);
  return [flags] { return Info(*flags); };
}

}  // namespace signum::apps

// `signum info`: what a network is made of and what it costs.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "json_text.h"
#include "kernel_table.h"
#include "model_argument.h"
#include "model_table.h"
#include "quantization_table.h"
#include "report/table.h"
#include "runtime/program.h"
#include "verb.h"

namespace signum::apps {
namespace {

struct InfoFlags {
  int bits = 0;  // of a switchable model; 0: the most
  std::string model;
  ZooFlags zoo;
  bool json = false;
  bool dot = false;
  bool kernels = false;
  bool quantization = false;
  std::string output;
};

Status Print(const InfoFlags& flags, const std::string& text) {
  if (!flags.output.empty()) return base::WriteFile(flags.output, text);
  std::fputs(text.c_str(), stdout);
  return {};
}

Status Info(const InfoFlags& flags) {
  // Only kernels are chosen with a view of the weights.
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph,
                          LoadGraph(flags.model, flags.zoo, flags.kernels, flags.bits));
  ModelFacts facts{graph, flags.model, {}};
  if (IsModelFile(flags.model)) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(flags.model, error);
    if (!error) facts.file_bytes = static_cast<int64_t>(bytes);
  }
  std::string text;
  if (flags.quantization) {
    return Print(flags, flags.json ? JsonText(QuantizationJson(graph)) : QuantizationTable(graph));
  }
  if (flags.kernels) {
    SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
    SIGNUM_ASSIGN_OR_RETURN(const auto program, runtime::Compile(graph, {.isa = isa}));
    text = fmt::format("instruction set {} ({})\n\n", IsaName(isa), CpuName());
    return Print(flags, text + KernelTable(*program).ToText());
  }
  text = flags.json ? JsonText(ModelJson(facts)) : flags.dot ? ModelDot(graph) : ModelTable(facts);
  return Print(flags, text);
}

}  // namespace

Action AddInfo(CLI::App& command) {
  const auto flags = std::make_shared<InfoFlags>();
  AddModelArgument(command, flags->model,
                   "a .sgn file, a name of models/, or the name of a zoo network")
      ->required();
  AddBitsFlag(command, flags->bits);
  CLI::Option* json = command.add_flag("--json", flags->json, "print JSON instead of a table");
  command.add_flag("--dot", flags->dot, "print the graph for Graphviz: pipe it into dot -Tsvg")
      ->excludes(json);
  command
      .add_flag("--kernels", flags->kernels,
                "print which kernel each layer gets here, and why no faster one")
      ->excludes(json)
      ->excludes("--dot");
  command
      .add_flag("--quantization", flags->quantization,
                "print the scale and the zero-point of every quantized tensor; with --json, too")
      ->excludes("--dot")
      ->excludes("--kernels");
  command.add_option("-o,--output", flags->output, "write to this file instead")->type_name("FILE");
  AddZooFlags(command, flags->zoo);
  return [flags] { return Info(*flags); };
}

}  // namespace signum::apps

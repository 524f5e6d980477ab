#include "runtime/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "base/file.h"
#include "base/hash.h"
#include "runtime/executor.h"

namespace signum::runtime {
namespace {

using ProgramPointer = std::shared_ptr<const Program>;

constexpr const char* kHeader = "signum tactics 1";

// A layer that has a choice, and what its tactics took.
struct Layer {
  std::string name;
  std::vector<Tactic> tactics;  // the compiler's first
  std::vector<double> seconds;  // the least that each took; none yet: infinity
};

// Only what the model does not hold for far slower than the best is tried.
std::vector<Layer> LayersWithChoice(const Program& program) {
  constexpr double kFarSlower = 2;
  std::vector<Layer> layers;
  for (const PlannedStep& planned : program.steps()) {
    const StepReport& report = planned.report;
    if (report.tactics.size() < 2) continue;
    Layer layer{report.name, {}, {}};
    for (const Tactic& tactic : report.tactics) {
      if (tactic.seconds <= kFarSlower * report.tactics[0].seconds) layer.tactics.push_back(tactic);
    }
    layer.seconds.assign(layer.tactics.size(), std::numeric_limits<double>::infinity());
    layers.push_back(std::move(layer));
  }
  return layers;
}

// The least seconds of every step of `program` in several runs, by its number.
Result<std::vector<double>> TimeSteps(const ProgramPointer& program, const TuneOptions& options) {
  // The first run meets cold caches. Where one takes long, two are enough.
  constexpr int kLeastRuns = 2;
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      Executor::Create(program,
                       {.threads = options.threads, .max_batch = options.batch, .profile = true}));
  std::vector<float> images(options.batch * program->input_shape().elements());
  std::mt19937 random(1);
  for (float& value : images) value = static_cast<float>(random() >> 8) * 0x1p-24f;
  std::vector<float> outputs(options.batch * program->output_shape().elements());
  std::vector<double> least(program->steps().size(), std::numeric_limits<double>::infinity());
  double spent = 0;
  for (int run = 0; run < kLeastRuns || spent < options.seconds; ++run) {
    executor->ResetProfile();
    SIGNUM_RETURN_IF_ERROR(executor->Run(images, options.batch, outputs));
    for (size_t i = 0; i < least.size(); ++i) {
      const double seconds = executor->step_seconds()[i];
      least[i] = std::min(least[i], seconds);
      spent += seconds;
    }
  }
  return least;
}

// Compiles and times `graph` with tactic `index` in every layer that has so many.
Status TryTactics(const Graph& graph, const TuneOptions& options, size_t index,
                  std::vector<Layer>& layers) {
  CompileOptions compile{.isa = options.isa};
  for (const Layer& layer : layers) {
    if (index < layer.tactics.size()) compile.tactics[layer.name] = NameOf(layer.tactics[index]);
  }
  SIGNUM_ASSIGN_OR_RETURN(const ProgramPointer program, Compile(graph, compile));
  SIGNUM_ASSIGN_OR_RETURN(const auto seconds, TimeSteps(program, options));
  for (size_t step = 0; step < program->steps().size(); ++step) {
    const StepReport& report = program->steps()[step].report;
    if (report.tactics.empty()) continue;  // another step may have a layer's name
    const auto layer = std::find_if(layers.begin(), layers.end(),
                                    [&](const Layer& l) { return l.name == report.name; });
    if (layer == layers.end() || index >= layer->tactics.size()) continue;
    double taken = seconds[step];
    // All of it, also where another layer shares the planes: it may choose otherwise.
    if (report.planes_step >= 0) taken += seconds[report.planes_step];
    layer->seconds[index] = std::min(layer->seconds[index], taken);
  }
  return {};
}

TacticNames Fastest(const std::vector<Layer>& layers) {
  constexpr double kScatter = 0.03;
  TacticNames fastest;
  for (const Layer& layer : layers) {
    const auto best = std::min_element(layer.seconds.begin(), layer.seconds.end());
    if (*best >= (1 - kScatter) * layer.seconds[0]) continue;
    fastest[layer.name] = NameOf(layer.tactics[best - layer.seconds.begin()]);
  }
  return fastest;
}

Result<TacticNames> TuneLayers(const Graph& graph, std::vector<Layer> layers,
                               const TuneOptions& options) {
  // What else the machine does falls on one round rather than on both.
  constexpr int kRounds = 2;
  size_t most = 0;
  for (const Layer& layer : layers) most = std::max(most, layer.tactics.size());
  const int total = kRounds * static_cast<int>(most);
  for (int done = 0; done < total; ++done) {
    SIGNUM_RETURN_IF_ERROR(TryTactics(graph, options, static_cast<size_t>(done) % most, layers));
    if (options.progress) options.progress(done + 1, total);
  }
  return Fastest(layers);
}

// What the fastest tactics depend on: names, operators, kernels and sizes, but not the numbers
// of the weights.
std::string Describe(const Program& program, const TuneOptions& options) {
  std::string text = fmt::format("{}\n{}\n{} threads, batch {}\n", CpuName(), IsaName(options.isa),
                                 options.threads, options.batch);
  for (const PlannedStep& planned : program.steps()) {
    const StepReport& report = planned.report;
    text += fmt::format("{} {} {} {} {} {} {}\n", report.name, report.ops, report.output,
                        report.kernel, report.macs, report.map_bytes, report.weight_bytes);
    for (const Tactic& tactic : report.tactics) {
      text += fmt::format("  {} {} {} {}\n", tactic.kernel->name, tactic.groups_together,
                          tactic.tile.rows, tactic.tile.columns);
    }
  }
  return text;
}

// A line for each layer: kernel, groups together, rows, columns, name. A name that is no line is
// left out, and that layer keeps the compiler's tactic.
std::string ToText(const TacticNames& tactics) {
  std::string text = fmt::format("{}\n", kHeader);
  for (const auto& [layer, tactic] : tactics) {
    if (layer.find('\n') != std::string::npos) continue;
    text += fmt::format("{} {} {} {} {}\n", tactic.kernel, tactic.groups_together, tactic.tile.rows,
                        tactic.tile.columns, layer);
  }
  return text + "end\n";
}

std::optional<TacticNames> FromText(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kHeader) return {};
  TacticNames tactics;
  while (std::getline(lines, line)) {
    if (line == "end") return tactics;
    std::istringstream words(line);
    TacticName tactic;
    std::string layer;
    if (!(words >> tactic.kernel >> tactic.groups_together >> tactic.tile.rows >>
          tactic.tile.columns) ||
        words.get() != ' ' || !std::getline(words, layer)) {
      return {};
    }
    tactics[layer] = tactic;
  }
  return {};
}

}  // namespace

Result<TacticNames> Tune(const Graph& graph, const TuneOptions& options) {
  SIGNUM_ASSIGN_OR_RETURN(const ProgramPointer program, Compile(graph, {.isa = options.isa}));
  return TuneLayers(graph, LayersWithChoice(*program), options);
}

Result<TacticNames> TuneOnce(const Graph& graph, const std::string& folder,
                             const TuneOptions& options) {
  SIGNUM_ASSIGN_OR_RETURN(ProgramPointer program, Compile(graph, {.isa = options.isa}));
  const std::string path =
      fmt::format("{}/{:016x}.tactics", folder, base::Fnv1a(Describe(*program, options)));
  if (const auto bytes = base::ReadFile(path, size_t{1} << 24)) {
    if (auto known = FromText({bytes->begin(), bytes->end()})) return *std::move(known);
  }
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(folder));
  SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(path));
  std::vector<Layer> layers = LayersWithChoice(*program);
  program.reset();  // its weights need not be there beside those that are measured
  SIGNUM_ASSIGN_OR_RETURN(TacticNames tactics, TuneLayers(graph, std::move(layers), options));
  SIGNUM_RETURN_IF_ERROR(base::WriteFile(path, ToText(tactics)));
  return tactics;
}

}  // namespace signum::runtime

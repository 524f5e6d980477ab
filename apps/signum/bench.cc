// `signum bench`: how fast a model runs on this machine, and where the time goes.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "graph/passes/insert_quantizers.h"
#include "json_text.h"
#include "model_argument.h"
#include "report/table.h"
#include "runtime/executor.h"
#include "verb.h"

namespace signum::apps {
namespace {

using Json = nlohmann::ordered_json;

struct BenchFlags {
  std::string model;
  ZooFlags zoo;
  int weight_bits = 0;
  int activation_bits = 0;
  int threads = 1;
  int64_t batch = 1;
  int iterations = 0;
  double seconds = 2;
  bool profile = false;
  bool json = false;
};

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

struct Timing {
  std::vector<double> milliseconds;  // of single runs, in rising order
  std::vector<double> step_seconds;  // the median of every step; 0 where not profiled
};

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A file as it is; a zoo network, which is float, quantized where bits are asked for.
Result<Graph> LoadBenchGraph(const BenchFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, LoadGraph(flags.model, flags.zoo));
  if (flags.weight_bits == 0 && flags.activation_bits == 0) return graph;
  QuantizationPolicy policy;
  if (flags.weight_bits != 0) policy.weight_bits = flags.weight_bits;
  if (flags.activation_bits != 0) policy.activation_bits = flags.activation_bits;
  return InsertQuantizers(graph, policy);
}

Result<Timing> Measure(runtime::Executor& executor, const BenchFlags& flags) {
  const runtime::Program& program = executor.program();
  std::vector<float> images(flags.batch * program.input_shape().elements());
  std::mt19937 random(1);
  for (float& value : images) value = static_cast<float>(random() >> 8) * 0x1p-24f;
  std::vector<float> outputs(flags.batch * program.output_shape().elements());
  const auto run = [&]() -> Result<double> {
    const double start = Now();
    SIGNUM_RETURN_IF_ERROR(executor.Run(images, flags.batch, outputs));
    return 1e3 * (Now() - start);
  };
  // The first runs meet cold caches and a slow clock.
  const double warm = Now() + std::min(0.2, flags.seconds / 4);
  do {
    SIGNUM_RETURN_IF_ERROR(run());
  } while (Now() < warm);
  Timing timing;
  std::vector<std::vector<double>> steps(program.steps().size());
  const double end = Now() + flags.seconds;
  const size_t least = flags.iterations > 0 ? flags.iterations : 5;
  while (timing.milliseconds.size() < least || (flags.iterations == 0 && Now() < end)) {
    executor.ResetProfile();
    SIGNUM_ASSIGN_OR_RETURN(const double milliseconds, run());
    timing.milliseconds.push_back(milliseconds);
    for (size_t i = 0; i < steps.size(); ++i) steps[i].push_back(executor.step_seconds()[i]);
  }
  std::sort(timing.milliseconds.begin(), timing.milliseconds.end());
  for (std::vector<double>& seconds : steps) {
    std::sort(seconds.begin(), seconds.end());
    timing.step_seconds.push_back(Quantile(seconds, 0.5));
  }
  return timing;
}

int64_t Macs(const runtime::Program& program) {
  int64_t macs = 0;
  for (const runtime::PlannedStep& planned : program.steps()) macs += planned.report.macs;
  return macs;
}

// Billions of operations a second; a multiply-accumulate is two.
double Giga(double macs, double seconds) { return seconds > 0 ? 2e-9 * macs / seconds : 0; }

Json StepJson(const runtime::PlannedStep& planned, double seconds, int64_t batch) {
  const runtime::StepReport& report = planned.report;
  Json json;
  json["name"] = report.name;
  json["operators"] = report.ops;
  json["output"] = report.output;
  json["kernel"] = report.kernel;
  json["macs"] = report.macs;
  if (seconds > 0) {
    json["milliseconds"] = 1e3 * seconds;
    json["gops"] = Giga(static_cast<double>(report.macs * batch), seconds);
  }
  json["refused"] = Json::array();
  for (const kernels::Refusal& refusal : report.refused) {
    json["refused"].push_back({{"kernel", refusal.kernel}, {"reason", refusal.reason}});
  }
  return json;
}

void PrintJson(const runtime::Executor& executor, const Timing& timing, const BenchFlags& flags) {
  const runtime::Program& program = executor.program();
  Json json;
  json["model"] = flags.model;
  json["cpu"] = CpuName();
  json["isa"] = IsaName(program.isa());
  json["threads"] = flags.threads;
  json["batch"] = flags.batch;
  json["runs"] = timing.milliseconds.size();
  json["min_ms"] = Quantile(timing.milliseconds, 0);
  json["median_ms"] = Quantile(timing.milliseconds, 0.5);
  json["p90_ms"] = Quantile(timing.milliseconds, 0.9);
  json["images_per_second"] =
      1e3 * static_cast<double>(flags.batch) / Quantile(timing.milliseconds, 0.5);
  json["macs"] = Macs(program);
  json["weight_bytes"] = program.weight_bytes();
  json["memory_bytes"] = executor.memory_bytes();
  json["steps"] = Json::array();
  for (size_t i = 0; i < program.steps().size(); ++i) {
    json["steps"].push_back(StepJson(program.steps()[i], timing.step_seconds[i], flags.batch));
  }
  std::fputs(JsonText(json).c_str(), stdout);
}

void PrintSummary(const runtime::Executor& executor, const Timing& timing,
                  const BenchFlags& flags) {
  const runtime::Program& program = executor.program();
  const double median = Quantile(timing.milliseconds, 0.5);
  const auto batch = static_cast<double>(flags.batch);
  report::Table table({{"measure"}, {"value", true}});
  table.AddRow({"processor", CpuName()});
  table.AddRow({"instruction set", IsaName(program.isa())});
  table.AddRow({"threads", std::to_string(flags.threads)});
  table.AddRow({"batch", std::to_string(flags.batch)});
  table.AddRow({"runs", report::HumanCount(static_cast<int64_t>(timing.milliseconds.size()))});
  table.AddRule();
  table.AddRow({"minimum", fmt::format("{:.3f} ms", Quantile(timing.milliseconds, 0))});
  table.AddRow({"median", fmt::format("{:.3f} ms", median)});
  table.AddRow({"90th percentile", fmt::format("{:.3f} ms", Quantile(timing.milliseconds, 0.9))});
  table.AddRow({"images/s", report::HumanNumber(1e3 * batch / median)});
  table.AddRow({"GOP/s", report::HumanNumber(
                             Giga(static_cast<double>(Macs(program)) * batch, 1e-3 * median))});
  table.AddRow({"packed weights", report::HumanBytes(program.weight_bytes())});
  table.AddRow({"working memory", report::HumanBytes(executor.memory_bytes())});
  std::fputs(table.ToText().c_str(), stdout);
}

void PrintProfile(const runtime::Program& program, const Timing& timing, const BenchFlags& flags) {
  double total = 0;
  for (double seconds : timing.step_seconds) total += seconds;
  report::Table table({{"layer"},
                       {"operators"},
                       {"output"},
                       {"kernel"},
                       {"ms", true},
                       {"share", true},
                       {"GOP/s", true}});
  const auto& steps = program.steps();
  for (size_t i = 0; i < steps.size(); ++i) {
    const runtime::StepReport& report = steps[i].report;
    const double seconds = timing.step_seconds[i];
    const double gops = Giga(static_cast<double>(report.macs * flags.batch), seconds);
    table.AddRow({report.name, report.ops, report.output,
                  report.kernel.substr(0, report.kernel.find(',')),
                  fmt::format("{:.4f}", 1e3 * seconds), report::HumanPercent(seconds / total),
                  report.macs > 0 ? fmt::format("{:.1f}", gops) : ""});
  }
  table.AddRule();
  table.AddRow({"sum", "", "", "", fmt::format("{:.4f}", 1e3 * total)});
  std::printf("\n%s", table.ToText().c_str());
}

Status Bench(const BenchFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, LoadBenchGraph(flags));
  SIGNUM_ASSIGN_OR_RETURN(
      const auto executor,
      runtime::MakeExecutor(
          graph, {.threads = flags.threads, .max_batch = flags.batch, .profile = flags.profile}));
  SIGNUM_ASSIGN_OR_RETURN(const Timing timing, Measure(*executor, flags));
  if (flags.json) {
    PrintJson(*executor, timing, flags);
    return {};
  }
  PrintSummary(*executor, timing, flags);
  if (flags.profile) PrintProfile(executor->program(), timing, flags);
  return {};
}

}  // namespace

Action AddBench(CLI::App& command) {
  const auto flags = std::make_shared<BenchFlags>();
  command
      .add_option("MODEL", flags->model,
                  "a .sgn file or the name of a zoo network, which gets random weights")
      ->required();
  AddZooFlags(command, flags->zoo);
  command.add_option("--weight-bits", flags->weight_bits, "quantize a float network's weights")
      ->check(CLI::Range(1, 8));
  command.add_option("--activation-bits", flags->activation_bits, "and its feature maps")
      ->check(CLI::Range(1, 8));
  command.add_option("--threads", flags->threads, "threads that share a run")
      ->capture_default_str()
      ->check(CLI::Range(1, runtime::kMaxThreads));
  command.add_option("--batch", flags->batch, "images of a run")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  command.add_option("--iterations", flags->iterations, "runs to time, instead of --seconds")
      ->check(CLI::Range(1, 1000000000));
  command.add_option("--seconds", flags->seconds, "how long to time runs")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86400.0));
  command.add_flag("--profile", flags->profile, "show the time of every layer");
  command.add_flag("--json", flags->json, "print JSON instead of tables");
  return [flags] { return Bench(*flags); };
}

}  // namespace signum::apps

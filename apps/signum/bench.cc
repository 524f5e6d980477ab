// `signum bench`: how fast a model runs on this machine, and where the time goes.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench_report.h"
#include "graph/passes/insert_quantizers.h"
#include "model_argument.h"
#include "runtime/executor.h"
#include "signum/signum.h"
#include "timing.h"
#include "tuning.h"
#include "verb.h"

namespace signum::apps {
namespace {

constexpr int64_t kMostImages = 65536;
constexpr size_t kMostCombinations = 256;

struct BenchFlags {
  int bits = 0;  // of a switchable model; 0: the most
  std::string model;
  ZooFlags zoo;
  int weight_bits = 0;
  int activation_bits = 0;
  int residual_bits = kFloatBits;
  std::string threads = "1";
  std::string batch = "1";
  int iterations = 0;
  double seconds = 2;
  bool profile = false;
  bool explain = false;
  bool tune = false;
  bool markdown = false;
  bool json = false;
};

// One item of a list of counts: "4", "1-8" (every one), "1-8+2" or "1-64*2".
std::optional<std::vector<int64_t>> ParseRange(std::string_view item, int64_t most) {
  const char* at = item.data();
  const char* const end = at + item.size();
  const auto number = [&](int64_t& value) {
    const auto [next, error] = std::from_chars(at, end, value);
    at = next;
    return error == std::errc() && value >= 1 && value <= most;
  };
  int64_t first = 0;
  if (!number(first)) return {};
  if (at == end) return std::vector{first};
  int64_t last = 0;
  if (*at++ != '-' || !number(last) || last < first) return {};
  char step_kind = '+';
  int64_t step = 1;
  if (at != end) {
    step_kind = *at++;
    if ((step_kind != '+' && step_kind != '*') || !number(step) || at != end) return {};
    if (step_kind == '*' && step == 1) return {};
  }
  std::vector<int64_t> counts;
  for (int64_t count = first; count <= last;
       count = step_kind == '+' ? count + step : count * step) {
    counts.push_back(count);
    if (counts.size() > kMostCombinations) return {};
  }
  return counts;
}

Result<std::vector<int64_t>> ParseCounts(const char* flag, const std::string& text, int64_t most) {
  std::vector<int64_t> counts;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const auto range = ParseRange(std::string_view(text).substr(at, comma - at), most);
    if (!range) {
      return InvalidArgument(
          fmt::format("{} '{}' is no list of numbers from 1 to {}; as in 1,2,4 or 1-8+2 or 1-64*2",
                      flag, text, most));
    }
    counts.insert(counts.end(), range->begin(), range->end());
    at = comma + 1;
  }
  return counts;
}

bool Quantizes(const BenchFlags& flags) {
  return flags.weight_bits != 0 || flags.activation_bits != 0;
}

// A file as it is; a zoo network, which is float, quantized where bits are asked for.
Result<Graph> LoadBenchGraph(const BenchFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(Graph graph,
                          LoadGraph(flags.model, flags.zoo, /*weights=*/true, flags.bits));
  if (!Quantizes(flags)) return graph;
  QuantizationPolicy policy;
  if (flags.weight_bits != 0) policy.weight_bits = flags.weight_bits;
  if (flags.activation_bits != 0) policy.activation_bits = flags.activation_bits;
  policy.residual_bits = flags.residual_bits;
  return InsertQuantizers(graph, policy);
}

// How long it takes from the file to a session that is ready, a few times over.
Result<std::vector<double>> MeasureLoads(const std::string& path) {
  constexpr int kLoads = 5;
  std::vector<double> milliseconds;
  for (int i = 0; i < kLoads; ++i) {
    const double start = Now();
    SIGNUM_ASSIGN_OR_RETURN(const Model model, Model::Load(path));
    SIGNUM_ASSIGN_OR_RETURN(const Session session, Session::Create(model));
    milliseconds.push_back(1e3 * (Now() - start));
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  return milliseconds;
}

std::string FlagsText(const BenchFlags& flags) {
  std::string text = fmt::format("--threads {} --batch {}", flags.threads, flags.batch);
  if (flags.weight_bits != 0) text += fmt::format(" --weight-bits {}", flags.weight_bits);
  if (flags.activation_bits != 0) {
    text += fmt::format(" --activation-bits {}", flags.activation_bits);
  }
  if (flags.residual_bits != kFloatBits) {
    text += fmt::format(" --residual-bits {}", flags.residual_bits);
  }
  if (flags.tune) text += " --tune";
  return text;
}

Status Bench(const BenchFlags& flags) {
  SIGNUM_ASSIGN_OR_RETURN(const auto threads,
                          ParseCounts("--threads", flags.threads, runtime::kMaxThreads));
  SIGNUM_ASSIGN_OR_RETURN(const auto batches, ParseCounts("--batch", flags.batch, kMostImages));
  const size_t combinations = threads.size() * batches.size();
  if (combinations > kMostCombinations) {
    return InvalidArgument(
        fmt::format("{} ways of running are asked for; {} are possible at a time", combinations,
                    kMostCombinations));
  }
  if (flags.profile && combinations > 1) {
    return InvalidArgument("--profile shows one way of running; give one --threads and --batch");
  }
  if (flags.residual_bits != kFloatBits && !Quantizes(flags)) {
    return InvalidArgument(
        "--residual-bits is of a network that --weight-bits and --activation-bits quantize; give "
        "those, too");
  }
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, LoadBenchGraph(flags));
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  BenchResult result;
  result.model = flags.model;
  result.flags = FlagsText(flags);
  result.explain = flags.explain;
  runtime::CompileOptions compile{.isa = isa};
  if (flags.tune) {
    SIGNUM_ASSIGN_OR_RETURN(compile.tactics,
                            TuneHere(graph, static_cast<int>(threads[0]), batches[0]));
  }
  SIGNUM_ASSIGN_OR_RETURN(result.program, runtime::Compile(std::move(graph), compile));
  const bool takes_images = result.program->input_shape().rank() == 4;
  if (takes_images && IsModelFile(flags.model) && !Quantizes(flags)) {
    SIGNUM_ASSIGN_OR_RETURN(result.load_milliseconds, MeasureLoads(flags.model));
  }
  for (int64_t count : threads) {
    for (int64_t batch : batches) {
      SIGNUM_ASSIGN_OR_RETURN(
          const auto executor,
          runtime::Executor::Create(
              result.program,
              {.threads = static_cast<int>(count), .max_batch = batch, .profile = flags.profile}));
      SIGNUM_ASSIGN_OR_RETURN(
          Timing timing,
          TimeRuns(*executor, batch, {.seconds = flags.seconds, .iterations = flags.iterations}));
      timing.threads = count;
      result.timings.push_back(std::move(timing));
    }
  }
  if (flags.profile) result.measured = limits::MeasureLimits(isa);
  const BenchFormat format = flags.json       ? BenchFormat::kJson
                             : flags.markdown ? BenchFormat::kMarkdown
                                              : BenchFormat::kText;
  std::fputs(BenchText(result, format).c_str(), stdout);
  return {};
}

}  // namespace

Action AddBench(CLI::App& command) {
  const auto flags = std::make_shared<BenchFlags>();
  AddModelArgument(command, flags->model,
                   "a .sgn file or the name of a zoo network, which gets random weights")
      ->required();
  AddBitsFlag(command, flags->bits);
  AddZooFlags(command, flags->zoo);
  command.add_option("--weight-bits", flags->weight_bits, "quantize a float network's weights")
      ->check(CLI::Range(1, 8));
  command.add_option("--activation-bits", flags->activation_bits, "and its feature maps")
      ->check(CLI::Range(1, 8));
  command
      .add_option("--residual-bits", flags->residual_bits,
                  "and what is kept for sums over shortcuts, float otherwise")
      ->check(CLI::Range(2, 8));
  command
      .add_option("--threads", flags->threads,
                  "threads that share a run; a list or range, as 1,2,4 or 1-8 or 1-8+2 or 1-64*2, "
                  "measures each")
      ->capture_default_str();
  command.add_option("--batch", flags->batch, "images of a run; likewise")->capture_default_str();
  command.add_option("--iterations", flags->iterations, "runs to time, instead of --seconds")
      ->check(CLI::Range(1, 1000000000));
  command.add_option("--seconds", flags->seconds, "how long to time runs")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86400.0));
  command.add_flag("--profile", flags->profile,
                   "show the time of every layer, and how near it comes to what this machine can "
                   "do, which is measured too");
  command.add_flag("--explain", flags->explain,
                   "show the kernel of every layer, and why no faster one");
  AddTuneFlag(command, flags->tune);
  CLI::Option* json = command.add_flag("--json", flags->json, "print JSON instead of tables");
  command
      .add_flag("--markdown", flags->markdown, "print Markdown: processor, build, flags, tables")
      ->excludes(json);
  return [flags] { return Bench(*flags); };
}

}  // namespace signum::apps

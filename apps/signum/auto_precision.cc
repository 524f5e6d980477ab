#include "auto_precision.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "calibrate.h"
#include "calibration/bit_allocation.h"
#include "calibration/sensitivity.h"
#include "data/dataset.h"
#include "format/sgn.h"
#include "graph/passes/fold_batch_norm.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/table.h"

namespace signum::apps {
namespace {

const std::vector<int> kCandidates = {1, 2, 3, 4, 6, 8};
constexpr int kPoints = 40;  // of the trade-off
// Kept free in a file for what it says of how it came about.
constexpr size_t kFactsBytes = 1024;
constexpr const char* kAutoGroup = "Bits by measurement";

// A budget, and what of a probe counts for it.
struct Budget {
  double amount = 0;
  double other = 0;  // of what has no choice
  double (*cost)(const calibration::Probe&) = nullptr;
  const char* unit = "";
};

std::vector<calibration::LayerChoices> ChoicesOf(const calibration::Sensitivity& sensitivity,
                                                 const Budget& budget) {
  std::vector<calibration::LayerChoices> layers;
  for (const calibration::LayerProbes& layer : sensitivity.layers) {
    calibration::LayerChoices choices{layer.layer, {}};
    for (const calibration::Probe& probe : layer.probes) {
      choices.choices.push_back({probe.bits, budget.cost(probe), probe.loss_rise});
    }
    // Fewer bits that seem to hurt less than more of them do so by chance.
    for (size_t c = choices.choices.size() - 1; c-- > 0;) {
      double& damage = choices.choices[c].damage;
      damage = std::max(damage, choices.choices[c + 1].damage);
    }
    layers.push_back(std::move(choices));
  }
  return layers;
}

std::string Amount(const Budget& budget, double amount) {
  return budget.unit == std::string("ms")
             ? fmt::format("{:.3f} ms", amount)
             : fmt::format("{} bytes", report::HumanCount(static_cast<int64_t>(amount)));
}

std::string TradeOffPage(const std::vector<calibration::Allocation>& curve,
                         const calibration::Allocation& chosen, const Budget& budget,
                         const std::string& title, const std::string& table) {
  report::LineChart chart;
  chart.title = "What bits are worth";
  chart.x_label =
      budget.unit == std::string("ms") ? "ms per image, one thread" : "bytes of the file";
  chart.y_label = "rise of the loss, in nats (sum over layers)";
  chart.from_zero = true;
  report::Series best{"least loss under each budget", {}, {}}, point{"chosen", {}, {}};
  for (const calibration::Allocation& a : curve) {
    best.x.push_back(a.cost + budget.other);
    best.y.push_back(a.damage);
  }
  point.x = {chosen.cost + budget.other, chosen.cost + budget.other};
  point.y = {0, chosen.damage};
  chart.series = {best, point};
  return report::HtmlPage(
      title, report::HtmlSection("Trade-off",
                                 "<div class=\"card\">" + report::Draw(chart).Inline() + "</div>") +
                 report::HtmlSection("Layers", table));
}

report::Table LayerTable(const calibration::Sensitivity& sensitivity,
                         const calibration::Allocation& chosen, bool timed) {
  std::vector<report::Column> columns = {
      {"layer"}, {"bits", true}, {"bytes", true}, {"rise of the loss", true}, {"accuracy", true}};
  if (timed) columns.push_back({"ms", true});
  report::Table table(columns);
  for (size_t l = 0; l < sensitivity.layers.size(); ++l) {
    const calibration::Probe& probe = sensitivity.layers[l].probes[chosen.chosen[l]];
    std::vector<std::string> row = {sensitivity.layers[l].layer, fmt::format("{}", probe.bits),
                                    report::HumanCount(static_cast<int64_t>(probe.bytes)),
                                    fmt::format("{:.4f}", probe.loss_rise),
                                    fmt::format("{:+.2f} %", -100 * probe.accuracy_drop)};
    if (timed) row.push_back(fmt::format("{:.4f}", probe.milliseconds));
    table.AddRow(std::move(row));
  }
  return table;
}

Result<calibration::Sensitivity> Measure(const AutoFlags& flags,
                                         const calibration::PostTrainingOptions& options,
                                         const RunArguments& arguments) {
  SIGNUM_ASSIGN_OR_RETURN(const Graph network, LoadGraph(arguments.model));
  SIGNUM_RETURN_IF_ERROR(CheckNotLatent(network));
  SIGNUM_ASSIGN_OR_RETURN(
      const data::Dataset dataset,
      data::LoadDataset(arguments.data, data::Split::kTrain, arguments.data_folder));
  return calibration::MeasureSensitivity(network, options, kCandidates,
                                         ImagesOf(arguments, dataset, flags.images, "measure: "),
                                         flags.budget_ms > 0);
}

}  // namespace

void AddAutoFlags(CLI::App& command, AutoFlags& flags) {
  command
      .add_flag("--auto", flags.on,
                "choose the weight bits of each layer: measure what fewer do to the loss, and take "
                "what hurts least under a budget")
      ->group(kAutoGroup);
  command
      .add_option("--budget-bytes", flags.budget_bytes, "the most that the model's file may take")
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 50).description(""))
      ->group(kAutoGroup);
  command
      .add_option("--budget-ms", flags.budget_ms,
                  "the most that an image may take on one thread of this machine")
      ->type_name("MS")
      ->check(CLI::Range(1e-6, 1e9).description(""))
      ->group(kAutoGroup);
  command.add_option("--auto-images", flags.images, "how many training images to measure with")
      ->capture_default_str()
      ->type_name("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40).description(""))
      ->group(kAutoGroup);
}

Status CheckAutoFlags(const CLI::App& command, const AutoFlags& flags,
                      const train::QuantizationConfig& methods) {
  if (!flags.on) {
    for (const char* option : {"--budget-bytes", "--budget-ms", "--auto-images"}) {
      if (command.count(option) == 0) continue;
      return InvalidArgument(fmt::format("{} does nothing without --auto", option));
    }
    return {};
  }
  if ((flags.budget_bytes > 0) == (flags.budget_ms > 0)) {
    return InvalidArgument("--auto needs a budget: either --budget-bytes or --budget-ms");
  }
  if (command.count("--weights") > 0) {
    return InvalidArgument("--weights is for --auto to choose; leave out either");
  }
  const auto larger = [](const std::string& method) {
    return method == "adabin" || method == "dorefa";
  };
  const bool any_larger =
      larger(methods.binary_method) || larger(methods.weight_method) ||
      std::any_of(methods.layers.begin(), methods.layers.end(), [&](const auto& setting) {
        return setting.name != "value-method" && larger(setting.value);
      });
  if (any_larger) {
    return InvalidArgument(
        "weights of adabin and dorefa take more bytes and time than --auto counts; choose others");
  }
  for (const char* option : {"--bi-real", "--rprelu"}) {
    if (command.count(option) == 0) continue;
    return InvalidArgument(fmt::format(
        "{} changes the network that --auto measures; give it to `signum train`, whose network "
        "--auto then takes",
        option));
  }
  return {};
}

Status ChooseBits(const AutoFlags& flags, const calibration::PostTrainingOptions& options,
                  RunArguments& arguments) {
  SIGNUM_RETURN_IF_ERROR(CheckTrained(arguments.model));
  SIGNUM_ASSIGN_OR_RETURN(const calibration::Sensitivity sensitivity,
                          Measure(flags, options, arguments));
  const bool timed = flags.budget_ms > 0;
  Budget budget{.unit = timed ? "ms" : "bytes"};
  if (timed) {
    budget.amount = flags.budget_ms;
    budget.other = sensitivity.other_milliseconds;
    budget.cost = [](const calibration::Probe& probe) { return probe.milliseconds; };
  } else {
    budget.amount = static_cast<double>(flags.budget_bytes);
    budget.other = static_cast<double>(SerializeSgn(sensitivity.most).size() + kFactsBytes);
    for (const auto& layer : sensitivity.layers) budget.other -= layer.probes.back().bytes;
    budget.cost = [](const calibration::Probe& probe) { return probe.bytes; };
  }
  const std::vector<calibration::LayerChoices> layers = ChoicesOf(sensitivity, budget);
  const auto chosen = calibration::Allocate(layers, budget.amount - budget.other);
  if (!chosen) {
    return InvalidArgument(fmt::format(
        "the budget of {} is too small: with the fewest bits for each layer it takes {}",
        Amount(budget, budget.amount),
        Amount(budget, budget.other + calibration::LeastCost(layers))));
  }
  for (size_t l = 0; l < layers.size(); ++l) {
    arguments.quantization.layers.push_back(
        {layers[l].layer,
         {layers[l].choices[chosen->chosen[l]].bits, arguments.quantization.activation_bits}});
  }
  const report::Table table = LayerTable(sensitivity, *chosen, timed);
  const std::string summary = fmt::format(
      "{} of {}; the loss of {} images, {:.4f} ({:.2f} % right) with {} bits everywhere, rises by "
      "{:.4f} if what layers do adds up",
      Amount(budget, chosen->cost + budget.other), Amount(budget, budget.amount),
      sensitivity.images, sensitivity.loss, 100 * sensitivity.accuracy, kCandidates.back(),
      chosen->damage);
  fmt::print(stderr, "{}{}\n", table.ToText(), summary);
  if (arguments.output.empty()) return {};
  const std::string page = arguments.output + ".tradeoff.html";
  const std::string markup = table.ToHtml() + "<p>" + report::EscapeMarkup(summary) + "</p>";
  SIGNUM_RETURN_IF_ERROR(
      base::WriteFile(page, TradeOffPage(calibration::TradeOff(layers, kPoints), *chosen, budget,
                                         "Bits for " + arguments.model, markup)));
  fmt::print(stderr, "trade-off       {}\n", page);
  return {};
}

}  // namespace signum::apps

// `signum compare`: runs of training side by side, as one table and one page with their curves.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "format/sgn.h"
#include "graph/cost.h"
#include "json_text.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/records.h"
#include "report/run_report.h"
#include "report/table.h"
#include "run_arguments.h"
#include "scoring.h"
#include "timing.h"
#include "verb.h"

namespace signum::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct CompareFlags {
  std::vector<std::string> runs;
  std::vector<std::string> references;
  std::string data_folder;
  int threads = AvailableCores();
  int64_t limit = 0;
  double seconds = 1;
  std::string output;
  bool json = false;
};

// A run that is finished, and what its model came to here.
struct Run {
  std::string path;
  RunArguments arguments;
  std::vector<report::EpochRecord> epochs;
  std::string network, precision;
  Score score;
  int64_t file_bytes = 0, macs = 0;
  double milliseconds = 0;  // the median for an image, on one thread
};

// An accuracy from elsewhere.
struct Reference {
  std::string network;
  double accuracy = 0;  // 0 to 1
  int64_t epochs = 0;
};

// "lenet=47.6@7".
Result<Reference> ParseReference(const std::string& text) {
  const size_t equals = text.find('='), at = text.find('@', equals);
  Reference reference;
  bool fits = equals != std::string::npos && equals > 0 && at != std::string::npos;
  if (fits) {
    const char* const end = text.data() + text.size();
    const auto [percent_end, percent_error] =
        std::from_chars(text.data() + equals + 1, text.data() + at, reference.accuracy);
    const auto [epochs_end, epochs_error] =
        std::from_chars(text.data() + at + 1, end, reference.epochs);
    fits = percent_error == std::errc() && percent_end == text.data() + at &&
           epochs_error == std::errc() && epochs_end == end && reference.epochs > 0 &&
           reference.accuracy >= 0 && reference.accuracy <= 100;
  }
  if (!fits) {
    return InvalidArgument(
        fmt::format("--reference {}: takes NETWORK=PERCENT@EPOCHS, as in lenet=47.6@7", text));
  }
  reference.network = text.substr(0, equals);
  reference.accuracy /= 100;
  return reference;
}

// The folder of a run; of a recipe, that of its last step.
Result<std::string> RunAt(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (fs::exists(path + "/args.toml")) return path;
  if (!fs::exists(path + "/recipe.toml")) {
    return NotFound(path +
                    " holds no run of training (it has no args.toml); name a folder that "
                    "`signum train` or `signum quantize` made");
  }
  std::string last;
  int64_t number = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    int64_t step = 0;
    std::from_chars(name.data(), name.data() + name.size(), step);
    if (step <= number || !fs::exists(entry.path() / "args.toml")) continue;
    number = step;
    last = entry.path().string();
  }
  if (last.empty()) return NotFound(path + " is a recipe that has not begun its first step");
  return last;
}

Result<std::vector<report::EpochRecord>> ReadEpochs(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> lines, report::ReadJsonLines(path));
  std::vector<report::EpochRecord> epochs;
  for (const nlohmann::json& line : lines) {
    auto record = report::EpochRecordFromJson(line);
    if (!record) return tl::unexpected(record.error().In(path));
    epochs.push_back(*std::move(record));
  }
  return epochs;
}

// Datasets by name, each read once.
class TestImages {
 public:
  explicit TestImages(std::string folder) : folder_(std::move(folder)) {}

  Result<const data::Dataset*> Of(const RunArguments& arguments) {
    const std::string folder = folder_.empty() ? arguments.data_folder : folder_;
    auto& set = sets_[{arguments.data, folder}];
    if (!set) {
      SIGNUM_ASSIGN_OR_RETURN(data::Dataset loaded,
                              data::LoadDataset(arguments.data, data::Split::kTest, folder));
      set = std::make_unique<data::Dataset>(std::move(loaded));
    }
    return set.get();
  }

 private:
  std::string folder_;
  std::map<std::pair<std::string, std::string>, std::unique_ptr<data::Dataset>> sets_;
};

Result<Run> ReadRun(const std::string& folder, const CompareFlags& flags, TestImages& images) {
  Run run;
  SIGNUM_ASSIGN_OR_RETURN(run.path, RunAt(folder));
  SIGNUM_ASSIGN_OR_RETURN(run.arguments, ReadArguments(run.path + "/args.toml"));
  const std::string model = run.path + "/model.sgn";
  if (!fs::exists(model)) {
    return NotFound(
        fmt::format("{} is not finished (it has no model.sgn); go on with it by --resume {}",
                    run.path, folder));
  }
  SIGNUM_ASSIGN_OR_RETURN(run.epochs, ReadEpochs(run.path + "/metrics.jsonl"));
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, ReadSgn(model));
  run.network = graph.name;
  const auto precision = graph.metadata.find("precision");
  run.precision = precision == graph.metadata.end() ? "float" : precision->second;
  run.file_bytes = static_cast<int64_t>(fs::file_size(model));
  run.macs = TotalCost(Costs(graph)).macs;
  SIGNUM_ASSIGN_OR_RETURN(const data::Dataset* test, images.Of(run.arguments));
  SIGNUM_ASSIGN_OR_RETURN(
      run.score, MeasureScore(graph, *test, {.threads = flags.threads, .limit = flags.limit}));
  SIGNUM_ASSIGN_OR_RETURN(const auto executor, runtime::MakeExecutor(graph, {.threads = 1}));
  SIGNUM_ASSIGN_OR_RETURN(const Timing timing, TimeRuns(*executor, 1, {.seconds = flags.seconds}));
  run.milliseconds = Quantile(timing.milliseconds, 0.5);
  return run;
}

double Accuracy(const Score& score) {
  return static_cast<double>(score.first) / static_cast<double>(score.images);
}
double Loss(const Score& score) { return score.loss / static_cast<double>(score.images); }

report::Table TableOf(const std::vector<Run>& runs, const std::vector<Reference>& references) {
  report::Table table({{"network"},
                       {"precision"},
                       {"data"},
                       {"epochs", true},
                       {"accuracy", true},
                       {"loss", true},
                       {"bytes", true},
                       {"MACs", true},
                       {"ms", true},
                       {"run"}});
  for (const Run& run : runs) {
    table.AddRow({run.network, run.precision, run.arguments.data, std::to_string(run.epochs.size()),
                  fmt::format("{:.2f} %", 100 * Accuracy(run.score)),
                  fmt::format("{:.3f}", Loss(run.score)), report::HumanCount(run.file_bytes),
                  report::HumanCount(run.macs), fmt::format("{:.3f}", run.milliseconds), run.path});
  }
  for (const Reference& reference : references) {
    table.AddRow({reference.network, "", "", std::to_string(reference.epochs),
                  fmt::format("{:.2f} %", 100 * reference.accuracy), "", "", "", "",
                  "(reference)"});
  }
  return table;
}

Json ToJson(const std::vector<Run>& runs, const std::vector<Reference>& references) {
  Json json{{"runs", Json::array()}, {"references", Json::array()}};
  for (const Run& run : runs) {
    Json epochs = Json::array();
    for (const report::EpochRecord& epoch : run.epochs)
      epochs.push_back(Json(report::ToJson(epoch)));
    json["runs"].push_back({{"run", run.path},
                            {"network", run.network},
                            {"precision", run.precision},
                            {"data", run.arguments.data},
                            {"images", run.score.images},
                            {"top1", Accuracy(run.score)},
                            {"loss", Loss(run.score)},
                            {"file_bytes", run.file_bytes},
                            {"macs", run.macs},
                            {"median_ms", run.milliseconds},
                            {"epochs", std::move(epochs)}});
  }
  for (const Reference& reference : references) {
    json["references"].push_back({{"network", reference.network},
                                  {"top1", reference.accuracy},
                                  {"epochs", reference.epochs}});
  }
  return json;
}

std::string Card(const report::LineChart& chart) {
  return "<div class=\"card\">" + report::Draw(chart).Inline() + "</div>\n";
}

// What tells the runs of one network apart: the precision, and of runs of one precision the folder.
std::string SeriesName(const Run& run, const std::vector<const Run*>& all) {
  const std::string bits = run.precision.substr(0, run.precision.find(';'));
  const auto same = std::count_if(all.begin(), all.end(), [&](const Run* other) {
    return other->precision.substr(0, other->precision.find(';')) == bits;
  });
  return same > 1 ? fmt::format("{}, {}", bits, fs::path(run.path).filename().string()) : bits;
}

// Accuracy and loss over the epochs of one network's runs.
std::string Curves(const std::vector<const Run*>& runs, const std::vector<Reference>& references) {
  report::LineChart accuracy, loss;
  accuracy.title = "Test accuracy";
  accuracy.percent = true;
  loss.title = "Test loss";
  for (report::LineChart* chart : {&accuracy, &loss}) {
    chart->x_label = "epoch";
    chart->whole_x = true;
  }
  for (const Run* run : runs) {
    report::Series right{SeriesName(*run, runs), {}, {}}, wrong = right;
    for (const report::EpochRecord& epoch : run->epochs) {
      right.x.push_back(static_cast<double>(epoch.epoch));
      right.y.push_back(epoch.test_accuracy);
      wrong.x.push_back(static_cast<double>(epoch.epoch));
      wrong.y.push_back(epoch.test_loss);
    }
    accuracy.series.push_back(std::move(right));
    loss.series.push_back(std::move(wrong));
  }
  for (const Reference& reference : references) {
    if (reference.network != runs.front()->network) continue;
    accuracy.series.push_back(
        {"reference", {static_cast<double>(reference.epochs)}, {reference.accuracy}});
  }
  return "<div class=\"pair\">" + Card(accuracy) + Card(loss) + "</div>\n";
}

std::string Page(const std::vector<Run>& runs, const std::vector<Reference>& references) {
  std::string body = report::HtmlSection("Networks", TableOf(runs, references).ToHtml());
  std::vector<std::string> networks;  // in the order of the command line
  std::map<std::string, std::vector<const Run*>> of_network;
  for (const Run& run : runs) {
    if (!of_network.contains(run.network)) networks.push_back(run.network);
    of_network[run.network].push_back(&run);
  }
  for (const std::string& network : networks) {
    body += report::HtmlSection(network, Curves(of_network.at(network), references));
  }
  return report::HtmlPage("Networks compared", body);
}

Status Compare(const CompareFlags& flags) {
  std::vector<Reference> references;
  for (const std::string& text : flags.references) {
    SIGNUM_ASSIGN_OR_RETURN(Reference reference, ParseReference(text));
    references.push_back(std::move(reference));
  }
  if (!flags.output.empty()) SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(flags.output));
  TestImages images(flags.data_folder);
  std::vector<Run> runs;
  for (const std::string& folder : flags.runs) {
    SIGNUM_ASSIGN_OR_RETURN(Run run, ReadRun(folder, flags, images));
    runs.push_back(std::move(run));
  }
  const std::string text =
      flags.json ? JsonText(ToJson(runs, references)) : TableOf(runs, references).ToText();
  std::fputs(text.c_str(), stdout);
  if (flags.output.empty()) return {};
  return base::WriteFile(flags.output, Page(runs, references));
}

}  // namespace

Action AddCompare(CLI::App& command) {
  const auto flags = std::make_shared<CompareFlags>();
  command
      .add_option(
          "RUN", flags->runs,
          "folders that `signum train` or `signum quantize` made; of a recipe its last step")
      ->required();
  command
      .add_option("--reference", flags->references,
                  "an accuracy from elsewhere to show beside the runs of that network: "
                  "NETWORK=PERCENT@EPOCHS; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command
      .add_option("--data-folder", flags->data_folder,
                  "where the dataset is; without it, where it was when the run began")
      ->type_name("FOLDER");
  command.add_option("--threads", flags->threads, "threads that measure accuracy; time is of one")
      ->capture_default_str()
      ->check(CLI::Range(1, runtime::kMaxThreads));
  command.add_option("--limit", flags->limit, "only the first N test images; 0 for all")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40).description(""));
  command.add_option("--seconds", flags->seconds, "how long to time each network")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86400.0));
  command
      .add_option("-o,--output", flags->output,
                  "write a page with the table and the curves of accuracy and loss here, too")
      ->type_name("FILE");
  command.add_flag("--json", flags->json, "print JSON instead of a table");
  return [flags] { return Compare(*flags); };
}

}  // namespace signum::apps

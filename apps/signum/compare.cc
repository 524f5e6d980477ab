// `signum compare`: trained networks side by side, as one table and one page with the curves of
// their runs.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "format/sgn.h"
#include "graph/cost.h"
#include "json_text.h"
#include "layer_precision.h"
#include "model_argument.h"
#include "report/comparison.h"
#include "report/records.h"
#include "run_arguments.h"
#include "scoring.h"
#include "timing.h"
#include "toml_settings.h"
#include "verb.h"

namespace signum::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct CompareFlags {
  std::vector<std::string> runs;
  std::vector<std::string> references;
  std::string data;  // empty: what each model was trained on
  std::string data_folder;
  int threads = AvailableCores();
  int64_t limit = 0;
  double seconds = 1;
  std::string output;
  bool json = false;
};

// An accuracy from elsewhere.
struct Reference {
  std::string network;
  report::ComparedRuns::Reference point;
};

// What is to be compared: a finished run, or a model alone.
struct Entry {
  std::string argument;  // as typed
  std::string path;      // of a recipe, its last step
  std::string model;     // the file
  std::string network, data, data_folder;
  std::vector<int> precisions;                  // of the file, falling; {0} where it has one
  std::vector<report::EpochRecord> epochs;      // none of a model
  std::map<std::string, std::string> settings;  // of a run, by name: what may set it apart
};

// What one precision of an entry came to here.
struct Row {
  const Entry* entry = nullptr;
  std::vector<report::EpochRecord> epochs;  // of its run, as far as they tell of this precision
  std::string precision;
  Score score;
  int64_t file_bytes = 0, macs = 0;
  double milliseconds = 0;  // the median for an image, on one thread

  double Accuracy() const {
    return static_cast<double>(score.first) / static_cast<double>(score.images);
  }
  double Loss() const { return score.loss / static_cast<double>(score.images); }
};

bool Exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// "lenet=47.6@7".
Result<Reference> ParseReference(const std::string& text) {
  const size_t equals = text.find('='), at = text.find('@', equals);
  Reference reference;
  bool fits = equals != std::string::npos && equals > 0 && at != std::string::npos;
  if (fits) {
    const char* const end = text.data() + text.size();
    auto& [accuracy, epochs] = reference.point;
    const auto percent = std::from_chars(text.data() + equals + 1, text.data() + at, accuracy);
    const auto count = std::from_chars(text.data() + at + 1, end, epochs);
    fits = percent.ec == std::errc() && percent.ptr == text.data() + at &&
           count.ec == std::errc() && count.ptr == end && epochs > 0 && accuracy >= 0 &&
           accuracy <= 100;
    accuracy /= 100;
  }
  if (!fits) {
    return InvalidArgument(
        fmt::format("--reference {}: takes NETWORK=PERCENT@EPOCHS, as in lenet=47.6@7", text));
  }
  reference.network = text.substr(0, equals);
  return reference;
}

// The folder of a run; of a recipe, that of its last step.
Result<std::string> RunAt(const std::string& path) {
  if (Exists(path + "/args.toml")) return path;
  const std::string recipe = path + "/recipe.toml";
  if (!Exists(recipe)) {
    return NotFound(path +
                    " holds no run of training (it has no args.toml); name a folder that "
                    "`signum train` or `signum quantize` made, or a model");
  }
  SIGNUM_ASSIGN_OR_RETURN(const toml::table root, ReadToml(recipe));
  const toml::array* steps = root["step"].as_array();
  const toml::table* last = steps == nullptr || steps->empty() ? nullptr : steps->back().as_table();
  if (last == nullptr) return Corrupt(recipe + " has no [[step]]");
  return fmt::format("{}/{}-{}", path, steps->size(), (*last)["verb"].value_or(""));
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

// What a run was asked for, but for how fast and where.
std::map<std::string, std::string> SettingsOf(const RunArguments& arguments) {
  std::map<std::string, std::string> settings{
      {"bi-real", fmt::format("{}", arguments.bi_real)},
      {"rprelu", fmt::format("{}", arguments.rprelu)},
      {"teacher", arguments.teacher == "none" ? "none" : "yes"},
      {"per-channel", fmt::format("{}", arguments.quantization.per_channel)},
      {"edges", BitsText(arguments.quantization.edges)},
      {"downsample", BitsText(arguments.quantization.downsample)},
      {"residual-bits", fmt::format("{}", arguments.quantization.residual_bits)}};
  std::vector<std::string> layers;
  for (const LayerPrecision& layer : arguments.quantization.layers) {
    layers.push_back(LayerPrecisionText(layer));
  }
  for (const LayerScales& layer : arguments.quantization.scales) {
    layers.push_back("scales:" + LayerScalesText(layer));
  }
  for (const train::LayerSetting& layer : arguments.training.quantization.layers) {
    layers.push_back(fmt::format("{}:{}={}", layer.pattern, layer.name, layer.value));
  }
  settings["layers"] = fmt::format("{}", fmt::join(layers, " "));
  train::VisitSettings(arguments.training, [&](const char* name, const auto& value, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<double>>) {
      settings[name] = fmt::format("{}", fmt::join(value, " "));
    } else {
      settings[name] = fmt::format("{}", value);
    }
  });
  settings.erase("threads");
  settings.erase("device");
  return settings;
}

// What the argument names, but for its network and data.
Result<Entry> Find(const std::string& argument, const CompareFlags& flags) {
  Entry entry{.argument = argument};
  while (entry.argument.size() > 1 && entry.argument.ends_with('/')) entry.argument.pop_back();
  entry.data_folder = flags.data_folder;
  std::error_code ignored;
  const std::string model = ModelPath(entry.argument);
  if (!fs::is_directory(entry.argument, ignored) && IsModelFile(model)) {
    entry.path = entry.argument;
    entry.model = model;
    return entry;
  }
  SIGNUM_ASSIGN_OR_RETURN(entry.path, RunAt(entry.argument));
  entry.model = entry.path + "/model.sgn";
  if (!Exists(entry.model)) {
    return NotFound(
        fmt::format("{} is not finished (it has no model.sgn); go on with it by --resume {}",
                    entry.path, entry.argument));
  }
  SIGNUM_ASSIGN_OR_RETURN(const RunArguments arguments, ReadArguments(entry.path + "/args.toml"));
  if (flags.data_folder.empty()) entry.data_folder = arguments.data_folder;
  entry.settings = SettingsOf(arguments);
  SIGNUM_ASSIGN_OR_RETURN(entry.epochs, ReadEpochs(entry.path + "/metrics.jsonl"));
  return entry;
}

// Test images by dataset and folder, each read once.
class TestImages {
 public:
  Result<const data::Dataset*> Of(const Entry& entry) {
    auto& set = sets_[{entry.data, entry.data_folder}];
    if (!set) {
      SIGNUM_ASSIGN_OR_RETURN(data::Dataset loaded,
                              data::LoadDataset(entry.data, data::Split::kTest, entry.data_folder));
      set = std::make_unique<data::Dataset>(std::move(loaded));
    }
    return set.get();
  }

 private:
  std::map<std::pair<std::string, std::string>, std::unique_ptr<data::Dataset>> sets_;
};

// What the epochs of an entry tell of one of its precisions: of all but the first the accuracy
// alone, and of runs older than that record nothing.
std::vector<report::EpochRecord> EpochsAt(const Entry& entry, int bits) {
  if (bits == entry.precisions[0]) return entry.epochs;
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  std::vector<report::EpochRecord> epochs;
  for (const report::EpochRecord& epoch : entry.epochs) {
    const auto found = epoch.accuracies.find(bits);
    if (found == epoch.accuracies.end()) continue;
    report::EpochRecord& own = epochs.emplace_back(epoch);
    own.train_loss = own.train_accuracy = own.test_loss = kUnknown;
    own.test_accuracy = found->second;
    own.flip_rates.clear();
    own.accuracies.clear();
  }
  return epochs;
}

// The entry, once it is sure that it can be measured.
Result<Entry> Ready(const std::string& argument, const CompareFlags& flags, TestImages& images) {
  SIGNUM_ASSIGN_OR_RETURN(Entry entry, Find(argument, flags));
  SIGNUM_ASSIGN_OR_RETURN(entry.precisions, ReadPrecisions(entry.model));
  std::reverse(entry.precisions.begin(), entry.precisions.end());
  if (entry.precisions.empty()) entry.precisions = {0};
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, ReadSgn(entry.model));
  entry.network = graph.name;
  entry.data = flags.data.empty() ? DatasetOf(graph) : flags.data;
  const auto check = [&]() -> Status {
    SIGNUM_ASSIGN_OR_RETURN(const data::Dataset* test, images.Of(entry));
    return CheckFit(graph, *test);
  };
  if (Status fits = check(); !fits) return tl::unexpected(fits.error().In(entry.path));
  return entry;
}

Result<Row> Measure(const Entry& entry, int bits, const CompareFlags& flags, TestImages& images) {
  Row row{.entry = &entry, .epochs = EpochsAt(entry, bits)};
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, ReadSgn(entry.model, bits));
  row.precision = PrecisionAt(graph, bits);
  std::error_code ignored;
  row.file_bytes = static_cast<int64_t>(fs::file_size(entry.model, ignored));
  row.macs = TotalCost(Costs(graph)).macs;
  SIGNUM_ASSIGN_OR_RETURN(const data::Dataset* test, images.Of(entry));
  auto score = MeasureScore(graph, *test, {.threads = flags.threads, .limit = flags.limit});
  if (!score) return tl::unexpected(score.error().In(entry.path));
  row.score = *score;
  SIGNUM_ASSIGN_OR_RETURN(const auto executor, runtime::MakeExecutor(graph, {.threads = 1}));
  SIGNUM_ASSIGN_OR_RETURN(const Timing timing, TimeRuns(*executor, 1, {.seconds = flags.seconds}));
  row.milliseconds = Quantile(timing.milliseconds, 0.5);
  return row;
}

report::Table TableOf(const std::vector<Row>& rows, const std::vector<Reference>& references) {
  report::Table table({{"#", true},
                       {"network"},
                       {"precision"},
                       {"data"},
                       {"epochs", true},
                       {"accuracy", true},
                       {"loss", true},
                       {"bytes", true},
                       {"MACs", true},
                       {"ms", true},
                       {"run"}});
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    table.AddRow({std::to_string(i + 1), row.entry->network, row.precision, row.entry->data,
                  row.epochs.empty() ? "" : std::to_string(row.epochs.size()),
                  fmt::format("{:.2f} %", 100 * row.Accuracy()), fmt::format("{:.3f}", row.Loss()),
                  report::HumanCount(row.file_bytes), report::HumanCount(row.macs),
                  fmt::format("{:.3f}", row.milliseconds), row.entry->path});
  }
  for (const Reference& reference : references) {
    table.AddRow({"", reference.network, "", "", std::to_string(reference.point.epochs),
                  fmt::format("{:.2f} %", 100 * reference.point.accuracy), "", "", "", "",
                  "(reference)"});
  }
  return table;
}

Json ToJson(const std::vector<Row>& rows, const std::vector<Reference>& references) {
  Json json{{"runs", Json::array()}, {"references", Json::array()}};
  for (const Row& row : rows) {
    Json epochs = Json::array();
    for (const report::EpochRecord& epoch : row.epochs) {
      epochs.push_back(Json(report::ToJson(epoch)));
    }
    json["runs"].push_back({{"run", row.entry->path},
                            {"network", row.entry->network},
                            {"precision", row.precision},
                            {"data", row.entry->data},
                            {"images", row.score.images},
                            {"top1", row.Accuracy()},
                            {"loss", row.Loss()},
                            {"file_bytes", row.file_bytes},
                            {"macs", row.macs},
                            {"median_ms", row.milliseconds},
                            {"epochs", std::move(epochs)}});
  }
  for (const Reference& reference : references) {
    json["references"].push_back({{"network", reference.network},
                                  {"top1", reference.point.accuracy},
                                  {"epochs", reference.point.epochs}});
  }
  return json;
}

// What sets a row's run apart from `first`, which has its network, data and bits: its number in
// the table, and the settings in which it differs.
std::string Distinction(const std::vector<Row>& rows, size_t row, size_t first) {
  const std::map<std::string, std::string>& known = rows[first].entry->settings;
  std::string text = fmt::format("#{}", row + 1);
  for (const auto& [name, value] : rows[row].entry->settings) {
    if (known.at(name) != value) text += fmt::format(" {}={}", name, value);
  }
  return text;
}

// The rows with a curve, by network and data in the order of the command line. A curve is called
// by its precision, and where others have that too, by what sets it apart.
std::vector<report::ComparedRuns> GroupsOf(const std::vector<Row>& rows,
                                           const std::vector<Reference>& references) {
  const auto title = [](const Row& row) {
    return fmt::format("{} on {}", row.entry->network, row.entry->data);
  };
  const auto bits = [](const Row& row) { return row.precision.substr(0, row.precision.find(';')); };
  std::vector<report::ComparedRuns> groups;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    if (row.epochs.empty()) continue;
    std::vector<size_t> alike;
    for (size_t other = 0; other < rows.size(); ++other) {
      const Row& r = rows[other];
      const bool same = title(r) == title(row) && bits(r) == bits(row);
      if (same && !r.epochs.empty()) alike.push_back(other);
    }
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& g) { return g.title == title(row); });
    if (group == groups.end()) {
      group = groups.insert(groups.end(), report::ComparedRuns{.title = title(row)});
      for (const Reference& reference : references) {
        if (reference.network == row.entry->network) group->references.push_back(reference.point);
      }
    }
    const std::string name =
        alike.size() > 1 ? bits(row) + ", " + Distinction(rows, i, alike[0]) : bits(row);
    group->curves.push_back({name, row.epochs});
  }
  return groups;
}

Result<std::vector<Reference>> ReferencesTo(const std::vector<Entry>& entries,
                                            const std::vector<std::string>& texts) {
  std::vector<Reference> references;
  for (const std::string& text : texts) {
    SIGNUM_ASSIGN_OR_RETURN(Reference reference, ParseReference(text));
    std::set<std::string> data;
    for (const Entry& entry : entries) {
      if (entry.network == reference.network) data.insert(entry.data);
    }
    if (data.size() != 1) {
      return InvalidArgument(
          fmt::format("--reference {}: {} of a network '{}'", text,
                      data.empty() ? "none of the runs is" : "there are runs on several datasets",
                      reference.network));
    }
    references.push_back(std::move(reference));
  }
  return references;
}

Status Compare(const CompareFlags& flags) {
  if (!flags.data.empty()) SIGNUM_RETURN_IF_ERROR(data::CheckDatasetName(flags.data));
  TestImages images;
  std::vector<Entry> entries;
  for (const std::string& argument : flags.runs) {
    SIGNUM_ASSIGN_OR_RETURN(Entry entry, Ready(argument, flags, images));
    entries.push_back(std::move(entry));
  }
  SIGNUM_ASSIGN_OR_RETURN(const auto references, ReferencesTo(entries, flags.references));
  if (!flags.output.empty()) SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(flags.output));
  std::vector<Row> rows;
  for (const Entry& entry : entries) {
    for (int bits : entry.precisions) {
      SIGNUM_ASSIGN_OR_RETURN(Row row, Measure(entry, bits, flags, images));
      rows.push_back(std::move(row));
    }
  }
  const report::Table table = TableOf(rows, references);
  std::fputs((flags.json ? JsonText(ToJson(rows, references)) : table.ToText()).c_str(), stdout);
  if (flags.output.empty()) return {};
  return base::WriteFile(flags.output, report::RenderComparison("Networks compared", table,
                                                                GroupsOf(rows, references)));
}

}  // namespace

Action AddCompare(CLI::App& command) {
  const auto flags = std::make_shared<CompareFlags>();
  command
      .add_option("RUN", flags->runs,
                  "folders that `signum train` or `signum quantize` made, of a recipe its last "
                  "step; or models, which have no curves; of several precisions each is a row")
      ->required();
  command
      .add_option("--reference", flags->references,
                  "an accuracy from elsewhere to show beside the runs of that network: "
                  "NETWORK=PERCENT@EPOCHS; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command.add_option("--data", flags->data,
                     "the dataset whose test images are classified; without it, the one that each "
                     "model was trained on");
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

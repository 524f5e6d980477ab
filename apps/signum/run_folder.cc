#include "run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "base/file.h"
#include "data/image.h"
#include "format/sgn.h"
#include "graph/passes/weight_offsets.h"

namespace signum::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kHistogramBins = 60;
constexpr int64_t kSamples = 20;

std::string FreeFolder(const RunArguments& arguments) {
  const std::string stem = fmt::format("runs/{}-{}-{}", arguments.verb,
                                       fs::path(arguments.model).stem().string(), arguments.data);
  std::string path = stem;
  for (int n = 2; fs::exists(path); ++n) path = fmt::format("{}-{}", stem, n);
  return path;
}

// Records count epochs from 1, as people do.
report::EpochRecord ToRecord(const train::EpochResult& r, const RunArguments& arguments) {
  report::EpochRecord record{r.epoch + 1, r.train_loss,        r.train_accuracy,
                             r.test_loss, r.test_accuracy,     r.learning_rate,
                             r.seconds,   r.images_per_second, r.flip_rates};
  if (r.narrower_accuracies.empty()) return record;
  const std::vector<int> bits = SwitchableBits(arguments.switchable).value_or(std::vector<int>());
  for (size_t i = 0; i < bits.size(); ++i) {
    record.accuracies[bits[i]] = i == 0 ? r.test_accuracy : r.narrower_accuracies[i - 1];
  }
  return record;
}

// The weights of a layer as numbers: floats, or scale times code.
std::vector<float> WeightValues(const Node& node) {
  const Tensor& weight = *node.Find("weight");
  if (weight.type() == DataType::kFloat32) {
    return {weight.floats().begin(), weight.floats().end()};
  }
  const Tensor& scale = *node.Find("weight_scale");
  const int64_t length = weight.elements() / weight.shape()[0];
  std::vector<float> values;
  for (int64_t i = 0; i < weight.elements(); ++i) {
    values.push_back(scale.floats()[scale.elements() == 1 ? 0 : i / length] *
                     static_cast<float>(weight.codes()[i]));
  }
  return values;
}

std::vector<int64_t> Count(const std::vector<float>& values, const std::vector<float>& edges) {
  std::vector<int64_t> counts(edges.size() - 1);
  for (float value : values) {
    const auto after = std::upper_bound(edges.begin(), edges.end(), value) - edges.begin();
    counts[std::clamp<int64_t>(after - 1, 0, static_cast<int64_t>(counts.size()) - 1)]++;
  }
  return counts;
}

const Node* FindNode(const Graph& graph, const std::string& name) {
  for (const Node& node : graph.nodes()) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

std::vector<report::LayerHistogram> Histograms(const Graph& old_network, const Graph& new_network) {
  const Graph before = FoldWeightOffsets(old_network), after = FoldWeightOffsets(new_network);
  std::vector<report::LayerHistogram> histograms;
  for (const Node& node : after.nodes()) {
    if (WeightQuantizerSlot(node.op) == nullptr) continue;
    const Node* old = FindNode(before, node.name);
    const std::vector<float> now = WeightValues(node);
    const std::vector<float> then = old == nullptr ? std::vector<float>{} : WeightValues(*old);
    float reach = std::numeric_limits<float>::min();
    for (float value : now) reach = std::max(reach, std::fabs(value));
    for (float value : then) reach = std::max(reach, std::fabs(value));
    report::LayerHistogram histogram{.layer = node.name};
    for (int i = 0; i <= kHistogramBins; ++i) {
      histogram.edges.push_back(reach * (2.0f * static_cast<float>(i) / kHistogramBins - 1.0f));
    }
    if (!then.empty()) histogram.before = Count(then, histogram.edges);
    histogram.after = Count(now, histogram.edges);
    histograms.push_back(std::move(histogram));
  }
  return histograms;
}

// The class and its probability, from one image's logits, or from its probabilities.
std::pair<int64_t, double> Winner(const float* logits, int64_t classes, bool probabilities) {
  const int64_t best = std::max_element(logits, logits + classes) - logits;
  if (probabilities) return {best, logits[best]};
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += std::exp(double{logits[c]} - logits[best]);
  return {best, 1 / sum};
}

void AddPredictions(const data::Dataset& test, const std::vector<float>& outputs,
                    bool probabilities, report::RunReport& page) {
  const auto classes = static_cast<int64_t>(test.class_names.size());
  const int64_t images = static_cast<int64_t>(outputs.size()) / classes;
  page.class_names = test.class_names;
  page.confusion.assign(classes, std::vector<int64_t>(classes));
  for (int64_t i = 0; i < images; ++i) {
    const auto [predicted, probability] =
        Winner(outputs.data() + i * classes, classes, probabilities);
    page.confusion[test.labels[i]][predicted]++;
    if (i >= kSamples) continue;
    const auto pixels = test.image(i);
    const data::Image image{test.image_shape, {pixels.begin(), pixels.end()}};
    page.samples.push_back({data::EncodePng(image), test.class_names[test.labels[i]],
                            test.class_names[predicted], probability});
  }
}

// What a resumed run writes anew (event files), and what a kill left half written.
// Only in the folders that a run writes to: beside them may be other runs.
void RemoveStaleFiles(const std::string& run) {
  std::vector<fs::path> stale;
  for (const std::string& folder : {run, run + "/weights"}) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("events.out.tfevents") || name.find(".partial-") != std::string::npos) {
        stale.push_back(entry.path());
      }
    }
  }
  std::error_code ignored;  // they harm nothing
  for (const fs::path& path : stale) fs::remove(path, ignored);
}

std::string Number(double value) { return fmt::format("{:.6g}", value); }

// Whether there is no run yet.
Status CheckFree(const std::string& path, const RunArguments& arguments) {
  if (!fs::exists(path + "/args.toml")) return {};
  return InvalidArgument(fmt::format(
      "{} holds a run already; go on with it by `signum {} --resume {}`, or choose another --run",
      path, arguments.verb, path));
}

}  // namespace

RunFolder::RunFolder(std::string path, RunArguments arguments, Graph initial)
    : path_(std::move(path)),
      arguments_(std::move(arguments)),
      initial_(std::move(initial)),
      reference_(initial_) {}

Result<std::unique_ptr<RunFolder>> RunFolder::Create(std::string path,
                                                     const RunArguments& arguments,
                                                     const Graph& initial, const Graph* teacher) {
  if (path.empty()) path = FreeFolder(arguments);
  SIGNUM_RETURN_IF_ERROR(CheckFree(path, arguments));
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(path + "/weights"));
  std::unique_ptr<RunFolder> run(new RunFolder(path, arguments, initial));
  SIGNUM_RETURN_IF_ERROR(run->Lock());
  SIGNUM_RETURN_IF_ERROR(CheckFree(path, arguments));  // another process may have been faster
  SIGNUM_RETURN_IF_ERROR(WriteSgn(initial, path + "/weights/initial.sgn"));
  if (teacher != nullptr) {
    run->teacher_ = *teacher;
    SIGNUM_RETURN_IF_ERROR(WriteSgn(*teacher, path + "/weights/teacher.sgn"));
  }
  // Last, since its presence says that there is a run to resume.
  SIGNUM_RETURN_IF_ERROR(WriteArguments(arguments, path + "/args.toml"));
  SIGNUM_RETURN_IF_ERROR(run->StartRecords());
  return run;
}

Result<std::unique_ptr<RunFolder>> RunFolder::Open(const std::string& path) {
  if (!fs::exists(path + "/args.toml")) {
    return NotFound(path + " holds no run (it has no args.toml); check --resume");
  }
  SIGNUM_ASSIGN_OR_RETURN(RunArguments arguments, ReadArguments(path + "/args.toml"));
  SIGNUM_ASSIGN_OR_RETURN(Graph initial, ReadSgn(path + "/weights/initial.sgn"));
  std::unique_ptr<RunFolder> run(new RunFolder(path, std::move(arguments), std::move(initial)));
  SIGNUM_RETURN_IF_ERROR(run->Lock());
  RemoveStaleFiles(path);
  if (run->arguments_.teacher != "none") {
    SIGNUM_ASSIGN_OR_RETURN(run->teacher_, ReadSgn(path + "/weights/teacher.sgn"));
  }
  SIGNUM_RETURN_IF_ERROR(run->StartRecords());
  return run;
}

Status RunFolder::Lock() {
  const std::string path = path_ + "/lock";
  lock_.emplace(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (lock_->get() < 0) return base::CannotWrite(path);
  if (flock(lock_->get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return InvalidArgument("the run in " + path_ +
                         " is at work in another process; let it end, or stop it first");
}

Status RunFolder::StartRecords() {
  const std::string path = path_ + "/metrics.jsonl";
  if (fs::exists(path)) {
    // An epoch that was recorded but whose checkpoint was not is run again.
    SIGNUM_ASSIGN_OR_RETURN(const int64_t done, train::EpochsDone(checkpoint_path()));
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> lines, report::ReadJsonLines(path));
    std::vector<nlohmann::json> kept;
    for (const nlohmann::json& line : lines) {
      SIGNUM_ASSIGN_OR_RETURN(report::EpochRecord record, report::EpochRecordFromJson(line));
      if (record.epoch > done) continue;
      epochs_.push_back(std::move(record));
      kept.push_back(line);
    }
    SIGNUM_RETURN_IF_ERROR(report::WriteJsonLines(path, kept));
  }
  SIGNUM_ASSIGN_OR_RETURN(metrics_, report::JsonLinesFile::Open(path));
  SIGNUM_ASSIGN_OR_RETURN(events_, report::EventFile::Open(path_));
  for (const report::EpochRecord& record : epochs_) SIGNUM_RETURN_IF_ERROR(WriteEvents(record));
  return {};
}

void RunFolder::OnBatch(const train::BatchProgress& p) {
  if (bar_epoch_ != p.epoch) {
    bar_ = std::make_unique<report::ProgressBar>(
        stderr, fmt::format("epoch {}/{}", p.epoch + 1, p.epochs), p.images, "images");
    bar_epoch_ = p.epoch;
  }
  bar_->Update(p.images_done, fmt::format("loss {:.3f} acc {:.1f} %", p.loss, 100 * p.accuracy));
}

Status RunFolder::OnEpoch(const train::EpochResult& result, const Graph& snapshot) {
  const report::EpochRecord record = ToRecord(result, arguments_);
  if (bar_) {
    bar_->Finish(fmt::format("loss {:.3f} acc {:.1f} %  test loss {:.3f} acc {:.2f} %",
                             result.train_loss, 100 * result.train_accuracy, result.test_loss,
                             100 * result.test_accuracy));
  }
  epochs_.push_back(record);
  SIGNUM_RETURN_IF_ERROR(metrics_->Append(report::ToJson(record)));
  SIGNUM_RETURN_IF_ERROR(WriteTable());
  SIGNUM_RETURN_IF_ERROR(WriteEvents(record));
  SIGNUM_RETURN_IF_ERROR(WriteWeightEvents(record.epoch, snapshot));
  SIGNUM_RETURN_IF_ERROR(WriteSgn(snapshot, last_path()));
  if (result.best) SIGNUM_RETURN_IF_ERROR(WriteSgn(snapshot, path_ + "/weights/best.sgn"));
  return base::WriteFile(report_path(), report::RenderRunReport(MakeReport(snapshot)));
}

Status RunFolder::WriteEvents(const report::EpochRecord& r) {
  std::vector<std::pair<std::string, float>> scalars;
  const auto add = [&](const std::string& tag, double value) {
    scalars.emplace_back(tag, static_cast<float>(value));
  };
  add("loss/train", r.train_loss);
  add("loss/test", r.test_loss);
  add("accuracy/train", r.train_accuracy);
  add("accuracy/test", r.test_accuracy);
  for (const auto& [bits, accuracy] : r.accuracies) {
    add(fmt::format("accuracy/test at {} bits", bits), accuracy);
  }
  add("learning_rate", r.learning_rate);
  add("images_per_second", r.images_per_second);
  for (const auto& [layer, rate] : r.flip_rates) add("flip_rate/" + layer, rate);
  SIGNUM_RETURN_IF_ERROR(events_->AddScalars(r.epoch, report::WallTimeSeconds(), scalars));
  return events_->Flush();
}

// Of this process's epochs only: the records that a resumed run goes by hold no weights.
Status RunFolder::WriteWeightEvents(int64_t epoch, const Graph& network) {
  const Graph weights = FoldWeightOffsets(network);
  for (const Node& node : weights.nodes()) {
    if (WeightQuantizerSlot(node.op) == nullptr) continue;
    SIGNUM_RETURN_IF_ERROR(events_->AddHistogram(epoch, report::WallTimeSeconds(),
                                                 "weight/" + node.name, WeightValues(node)));
  }
  return events_->Flush();
}

Status RunFolder::WriteTable() const {
  std::vector<std::string> heads = {"epoch",     "train_loss",       "train_accuracy",
                                    "test_loss", "test_accuracy",    "learning_rate",
                                    "seconds",   "images_per_second"};
  std::set<int> precisions;  // epochs of an older signum have none
  for (const report::EpochRecord& r : epochs_) {
    for (const auto& [bits, accuracy] : r.accuracies) precisions.insert(bits);
  }
  for (int bits : precisions) heads.push_back(fmt::format("test_accuracy_at_{}_bits", bits));
  std::vector<std::vector<std::string>> rows;
  for (const report::EpochRecord& r : epochs_) {
    std::vector<std::string>& row = rows.emplace_back();
    row = {std::to_string(r.epoch), Number(r.train_loss),       Number(r.train_accuracy),
           Number(r.test_loss),     Number(r.test_accuracy),    Number(r.learning_rate),
           Number(r.seconds),       Number(r.images_per_second)};
    for (int bits : precisions) {
      const auto found = r.accuracies.find(bits);
      row.push_back(found == r.accuracies.end() ? "" : Number(found->second));
    }
  }
  return report::WriteCsv(path_ + "/results.csv", heads, rows);
}

report::RunReport RunFolder::MakeReport(const Graph& network) const {
  report::RunReport page;
  page.title = fmt::format("signum {} {} on {}", arguments_.verb,
                           fs::path(arguments_.model).stem().string(), arguments_.data);
  train::VisitSettings(arguments_.training, [&](const char* name, const auto& value, const char*) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::vector<double>>)
      return;
    else
      page.settings.emplace_back(name, fmt::format("{}", value));
  });
  page.epochs = epochs_;
  page.histograms = Histograms(reference_, network);
  return page;
}

Status RunFolder::Finish(const train::TrainOutcome& outcome, const data::Dataset& test,
                         const std::vector<float>& outputs,
                         std::vector<std::pair<std::string, std::string>> results) {
  SIGNUM_RETURN_IF_ERROR(WriteSgn(outcome.network, last_path()));
  if (arguments_.verb == "quantize") {
    SIGNUM_RETURN_IF_ERROR(WriteSgn(outcome.latents, latent_path()));
  }
  report::RunReport page = MakeReport(outcome.network);
  page.results = std::move(results);
  const Graph& network = outcome.network;
  const bool probabilities = std::holds_alternative<SoftmaxOp>(network.node(network.output()).op);
  AddPredictions(test, outputs, probabilities, page);
  return base::WriteFile(report_path(), report::RenderRunReport(page));
}

}  // namespace signum::apps

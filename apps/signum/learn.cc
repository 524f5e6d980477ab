#include "learn.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/cpu.h"
#include "base/file.h"
#include "data/dataset.h"
#include "format/sgn.h"
#include "graph/passes/fold_batch_norm.h"
#include "graph/passes/shortcut_per_convolution.h"
#include "graph/passes/use_prelu.h"
#include "graph/passes/weight_offsets.h"
#include "json_text.h"
#include "layer_precision.h"
#include "report/table.h"
#include "run_folder.h"
#include "train/trainer.h"

namespace signum::apps {
namespace {

// Of a PReLU that was a ReLU: PReLU's own (He et al., "Delving Deep into Rectifiers", ICCV 2015,
// section 2.1).
constexpr float kFirstSlope = 0.25f;

struct Datasets {
  data::Dataset train, test;
};

Result<Datasets> LoadDatasets(const RunArguments& arguments) {
  Datasets sets;
  SIGNUM_ASSIGN_OR_RETURN(
      sets.train, data::LoadDataset(arguments.data, data::Split::kTrain, arguments.data_folder));
  SIGNUM_ASSIGN_OR_RETURN(
      sets.test, data::LoadDataset(arguments.data, data::Split::kTest, arguments.data_folder));
  return sets;
}

// A zoo network in the size of the data, with the data's normalization in it; a
// file as it is.
Result<Graph> LoadNetwork(const RunArguments& arguments, const data::Dataset& train) {
  if (arguments.model.empty()) {
    return InvalidArgument("no MODEL given; name a zoo network (lenet, resnet20) or a .sgn file");
  }
  if (IsModelFile(arguments.model)) return LoadGraph(arguments.model, arguments.zoo);
  if (arguments.verb == "quantize" && arguments.teacher == "float") {
    SIGNUM_RETURN_IF_ERROR(CheckTrained(arguments.model).map_error([](Error error) {
      if (error.code == ErrorCode::kInvalidArgument) {
        error.message += " (or learn from scratch, with --teacher none)";
      }
      return error;
    }));
  }
  SIGNUM_ASSIGN_OR_RETURN(zoo::ZooOptions options, ToZooOptions(arguments.zoo));
  if (options.channels == 0) {
    options.channels = train.image_shape[0];
    options.height = train.image_shape[1];
    options.width = train.image_shape[2];
  }
  if (options.classes == 0) options.classes = static_cast<int64_t>(train.class_names.size());
  const data::ChannelStatistics statistics = data::ComputeChannelStatistics(train);
  options.mean.assign(statistics.mean.begin(), statistics.mean.end());
  options.deviation.assign(statistics.deviation.begin(), statistics.deviation.end());
  options.seed = arguments.training.seed;
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, LoadGraph(arguments.model, options));
  graph.class_names = train.class_names;
  return graph;
}

// What a run starts from.
struct Start {
  Graph before;                 // without quantizers
  Graph network;                // to be trained
  std::vector<Graph> narrower;  // likewise, at fewer bits
  std::optional<Graph> teacher;
};

// `network` without quantizers at each of the bits.
Result<std::vector<Graph>> AtBits(const Graph& network, const std::vector<int>& precisions) {
  std::vector<Graph> graphs;
  for (int bits : precisions) {
    Graph graph = network;
    if (bits != kFloatBits) {
      const QuantizationPolicy policy{.weight_bits = bits, .activation_bits = bits};
      SIGNUM_ASSIGN_OR_RETURN(graph, InsertQuantizers(network, policy));
    }
    graphs.push_back(std::move(graph));
  }
  return graphs;
}

// What --switchable asks for, of a run that starts from `network`: all but the most bits, which
// become `network`.
Result<std::vector<Graph>> TakeNarrower(const std::string& switchable, Graph& network) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int> bits, SwitchableBits(switchable));
  SIGNUM_ASSIGN_OR_RETURN(std::vector<Graph> graphs, AtBits(StripQuantizers(network), bits));
  network = std::move(graphs.front());
  network.metadata["precision"] = "switchable: " + switchable + " bits";
  graphs.erase(graphs.begin());
  return graphs;
}

Result<std::optional<Graph>> TeacherOf(const RunArguments& arguments, const Graph& network) {
  if (arguments.teacher == "none") return std::nullopt;
  if (arguments.teacher == "float" && arguments.verb == "train") {
    return InvalidArgument(
        "--teacher float is for `signum quantize`, where it is the network before quantization; "
        "name a .sgn file, or none");
  }
  Graph teacher = network;
  if (arguments.teacher != "float") {
    SIGNUM_ASSIGN_OR_RETURN(teacher, ReadSgn(ModelPath(arguments.teacher)));
  }
  if (Status fits = CheckNotLatent(teacher); !fits) {
    return tl::unexpected(fits.error().In("--teacher " + arguments.teacher));
  }
  return teacher;
}

Result<Start> Prepare(const RunArguments& arguments, const Datasets& sets) {
  Start start;
  SIGNUM_ASSIGN_OR_RETURN(start.before, LoadNetwork(arguments, sets.train));
  start.before.metadata["data"] = arguments.data;
  SIGNUM_ASSIGN_OR_RETURN(start.teacher, TeacherOf(arguments, start.before));
  const bool latent = start.before.metadata.erase("weights") > 0;
  if (arguments.verb == "train" && arguments.switchable.empty() &&
      FoldWeightOffsets(start.before).size() < start.before.size()) {
    return InvalidArgument(
        "the network has weights with an offset (adabin), which only learn from floats: give "
        "weights/latent.sgn of its run instead, or let `signum quantize` have it");
  }
  const Graph loaded = start.before;
  // What trains on as it is keeps its quantizers.
  const bool quantize = arguments.verb == "quantize";
  start.before = quantize || latent ? StripQuantizers(loaded) : FoldWeightOffsets(loaded);
  if (arguments.bi_real) {
    SIGNUM_ASSIGN_OR_RETURN(start.before, ShortcutPerConvolution(start.before));
  }
  if (arguments.rprelu) {
    SIGNUM_ASSIGN_OR_RETURN(start.before, UsePRelu(start.before, kFirstSlope));
  }
  start.network = start.before;
  if (!arguments.switchable.empty()) {
    SIGNUM_ASSIGN_OR_RETURN(start.narrower, TakeNarrower(arguments.switchable, start.network));
  }
  if (quantize) {
    SIGNUM_ASSIGN_OR_RETURN(start.network, InsertQuantizers(start.before, arguments.quantization));
    // A network of another shape has other values.
    if (!arguments.bi_real && !arguments.rprelu) TakeScales(loaded, start.network);
    start.network.metadata["precision"] = PrecisionText(arguments.quantization);
    start.network.metadata.erase("calibration");  // its scales will be learned
  }
  return start;
}

std::vector<const Graph*> PointersTo(const std::vector<Graph>& graphs) {
  std::vector<const Graph*> pointers;
  for (const Graph& graph : graphs) pointers.push_back(&graph);
  return pointers;
}

// Whether scales come from images before the first step.
bool Calibrates(const RunArguments& arguments) {
  return arguments.verb == "quantize" || !arguments.switchable.empty();
}

train::TrainRequest RequestOf(const Start& start, const RunArguments& arguments,
                              const Datasets& sets) {
  return {.network = &start.network,
          .teacher = start.teacher ? &*start.teacher : nullptr,
          .narrower = PointersTo(start.narrower),
          .train = &sets.train,
          .test = &sets.test,
          .config = arguments.training,
          .calibrate = Calibrates(arguments)};
}

Result<std::unique_ptr<RunFolder>> StartRun(const LearnRequest& request, const Datasets& sets) {
  SIGNUM_ASSIGN_OR_RETURN(const Start start, Prepare(request.arguments, sets));
  const train::TrainRequest training = RequestOf(start, request.arguments, sets);
  // Before there is a folder that says otherwise.
  SIGNUM_RETURN_IF_ERROR(train::CheckRequest(training));
  if (IsRecipeRun(request.run)) {
    return InvalidArgument(request.run + " holds a recipe's runs; choose another --run");
  }
  SIGNUM_ASSIGN_OR_RETURN(
      std::unique_ptr<RunFolder> run,
      RunFolder::Create(request.run, request.arguments, start.network, training.teacher));
  run->SetReference(start.before);
  return run;
}

Status CheckSanity(const LearnRequest& request) {
  SIGNUM_ASSIGN_OR_RETURN(const train::SanityOutcome sanity, CheckRunSanity(request.arguments));
  if (request.json) {
    fmt::print("{}", JsonText(ToJson(sanity)));
  } else {
    fmt::print("sanity          {}\n", SanityText(sanity));
  }
  return VerdictOf(sanity);
}

Result<std::unique_ptr<RunFolder>> ResumeRun(const LearnRequest& request) {
  SIGNUM_ASSIGN_OR_RETURN(std::unique_ptr<RunFolder> run, RunFolder::Open(request.resume));
  if (run->arguments().verb != request.arguments.verb) {
    return InvalidArgument(fmt::format("{} is a run of `signum {}`; resume it with that verb",
                                       request.resume, run->arguments().verb));
  }
  run->SetReference(StripQuantizers(run->initial()));
  return run;
}

std::vector<std::pair<std::string, std::string>> ReportResults(const Learned& s) {
  return {{"test accuracy", fmt::format("{:.2f} %", 100 * s.accuracy)},
          {"precision", s.precision},
          {"file", report::HumanBytes(s.file_bytes)},
          {"best epoch", fmt::format("{} ({:.2f} %)", s.best_epoch + 1, 100 * s.best_accuracy)},
          {"runtime agrees on",
           fmt::format("{} of {} images", s.agreement.same_class, s.agreement.images)}};
}

void PrintPrecisions(const Learned& learned) {
  report::Table table(
      {{"bits", true}, {"test accuracy", true}, {"runtime", true}, {"same class", true}});
  for (const auto& [bits, a] : learned.precisions) {
    table.AddRow({bits == kFloatBits ? "float" : std::to_string(bits),
                  fmt::format("{:.2f} %", 100 * a.trainer_accuracy),
                  fmt::format("{:.2f} %", 100 * a.runtime_accuracy),
                  fmt::format("{} of {}", a.same_class, a.images)});
  }
  fmt::print("{}\n", table.ToText());
}

void Print(const Learned& s) {
  const Agreement& a = s.agreement;
  if (!s.precisions.empty()) PrintPrecisions(s);
  fmt::print("precision       {}\n", s.precision);
  fmt::print("test accuracy   {:.2f} % (best epoch: {}, {:.2f} %)\n", 100 * s.accuracy,
             s.best_epoch + 1, 100 * s.best_accuracy);
  fmt::print(
      "agreement       runtime and trainer give the same class on {} of {} images, "
      "accuracies {:.2f} % and {:.2f} %\n",
      a.same_class, a.images, 100 * a.runtime_accuracy, 100 * a.trainer_accuracy);
  fmt::print("model           {} ({})\n", s.model, report::HumanBytes(s.file_bytes));
  fmt::print("report          {}\n", s.report);
}

// What is handed to the user. A network that is quantized, at one precision or at several, is there
// to run; a trained one to be quantized, which needs its batch norms.
Graph Finished(const RunArguments& arguments, const Graph& network) {
  return arguments.verb == "quantize" ? FoldBatchNorm(network) : network;
}

Status WriteFinished(const RunArguments& arguments, const train::TrainOutcome& outcome,
                     const std::string& path) {
  if (arguments.switchable.empty()) return WriteSgn(Finished(arguments, outcome.network), path);
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int> bits, SwitchableBits(arguments.switchable));
  PrecisionGraphs graphs;
  graphs[bits[0]] = FoldBatchNorm(outcome.network);
  for (size_t i = 1; i < bits.size(); ++i) graphs[bits[i]] = FoldBatchNorm(outcome.narrower[i - 1]);
  return WriteSgn(graphs, path);
}

std::string PrecisionOf(const Graph& network) {
  const auto found = network.metadata.find("precision");
  return found == network.metadata.end() ? "float" : found->second;
}

Result<Learned> Conclude(RunFolder& run, const train::TrainOutcome& outcome,
                         const data::Dataset& test) {
  const train::TrainConfig& config = run.arguments().training;
  Learned learned{.run = run.path(),
                  .report = run.report_path(),
                  .model = run.model_path(),
                  .precision = PrecisionOf(run.initial()),
                  .layers = run.arguments().quantization.layers,
                  .accuracy = outcome.test_accuracy,
                  .best_accuracy = outcome.best_accuracy,
                  .epochs = config.epochs,
                  .best_epoch = outcome.best_epoch};
  SIGNUM_RETURN_IF_ERROR(WriteFinished(run.arguments(), outcome, run.model_path()));
  const int threads = config.threads > 0 ? static_cast<int>(config.threads) : AvailableCores();
  // Through the file, so that the file is what was checked.
  const auto runtime_outputs = [&](int bits) {
    return RuntimeOutputs(run.model_path(), bits, test, config.test_limit, threads);
  };
  const auto agreement_of = [&](const Graph& network,
                                const std::vector<float>& runtime) -> Result<Agreement> {
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> trainer,
                            train::Predict(network, test, config));
    return Compare(trainer, runtime, test);
  };
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> runtime, runtime_outputs(0));
  SIGNUM_ASSIGN_OR_RETURN(learned.agreement, agreement_of(outcome.network, runtime));
  if (!run.arguments().switchable.empty()) {
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<int> bits,
                            SwitchableBits(run.arguments().switchable));
    learned.precisions.emplace_back(bits[0], learned.agreement);
    for (size_t i = 1; i < bits.size(); ++i) {
      SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> narrow, runtime_outputs(bits[i]));
      SIGNUM_ASSIGN_OR_RETURN(const Agreement agreement,
                              agreement_of(outcome.narrower[i - 1], narrow));
      learned.precisions.emplace_back(bits[i], agreement);
    }
  }
  learned.file_bytes = static_cast<int64_t>(std::filesystem::file_size(run.model_path()));
  SIGNUM_RETURN_IF_ERROR(run.Finish(outcome, test, runtime, ReportResults(learned)));
  return learned;
}

}  // namespace

nlohmann::ordered_json ToJson(const Learned& learned) {
  const auto agreement = [](const Agreement& a) {
    return nlohmann::ordered_json{{"images", a.images},
                                  {"same_class", a.same_class},
                                  {"trainer_accuracy", a.trainer_accuracy},
                                  {"runtime_accuracy", a.runtime_accuracy}};
  };
  auto precisions = nlohmann::ordered_json::object();
  for (const auto& [bits, a] : learned.precisions) precisions[std::to_string(bits)] = agreement(a);
  nlohmann::ordered_json document{{"run", learned.run},
                                  {"model", learned.model},
                                  {"report", learned.report},
                                  {"precision", learned.precision},
                                  {"test_accuracy", learned.accuracy},
                                  {"best_accuracy", learned.best_accuracy},
                                  {"epochs", learned.epochs},
                                  {"best_epoch", learned.best_epoch + 1},
                                  {"file_bytes", learned.file_bytes},
                                  {"seconds", learned.seconds},
                                  {"agreement", agreement(learned.agreement)}};
  if (!learned.layers.empty()) document["layers"] = ToJson(learned.layers);
  if (!learned.precisions.empty()) document["precisions"] = std::move(precisions);
  return document;
}

Result<Learned> LearnRun(const LearnRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  const bool resume = !request.resume.empty();
  if (!request.arguments.output.empty()) {
    SIGNUM_RETURN_IF_ERROR(base::CheckCanWrite(request.arguments.output));
  }
  std::unique_ptr<RunFolder> run;
  Datasets sets;
  if (resume) {
    SIGNUM_ASSIGN_OR_RETURN(run, ResumeRun(request));
    SIGNUM_ASSIGN_OR_RETURN(sets, LoadDatasets(run->arguments()));
  } else {
    SIGNUM_ASSIGN_OR_RETURN(sets, LoadDatasets(request.arguments));
    SIGNUM_ASSIGN_OR_RETURN(run, StartRun(request, sets));
  }
  const RunArguments& arguments = run->arguments();
  const bool has_checkpoint = std::filesystem::exists(run->checkpoint_path());
  fmt::print(stderr, "{} in {} ({})\n", resume ? "resuming the run" : "run", run->path(),
             train::BackendDescription(arguments.training));
  Graph network = run->initial();
  std::vector<Graph> narrower;
  if (!arguments.switchable.empty()) {
    SIGNUM_ASSIGN_OR_RETURN(narrower, TakeNarrower(arguments.switchable, network));
  }
  const train::TrainRequest training{.network = &network,
                                     .teacher = run->teacher(),
                                     .narrower = PointersTo(narrower),
                                     .train = &sets.train,
                                     .test = &sets.test,
                                     .config = arguments.training,
                                     .checkpoint_path = run->checkpoint_path(),
                                     .resume = resume && has_checkpoint,
                                     .calibrate = Calibrates(arguments)};
  SIGNUM_ASSIGN_OR_RETURN(const train::TrainOutcome outcome, train::Train(training, *run));
  SIGNUM_ASSIGN_OR_RETURN(Learned learned, Conclude(*run, outcome, sets.test));
  // A resumed run may be given another place, or one at all.
  const std::string& wanted =
      request.arguments.output.empty() ? arguments.output : request.arguments.output;
  if (!wanted.empty()) {
    learned.model = wanted;
    SIGNUM_RETURN_IF_ERROR(WriteFinished(arguments, outcome, wanted));
  }
  learned.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return learned;
}

Status CheckRun(const RunArguments& arguments) {
  SIGNUM_ASSIGN_OR_RETURN(const Datasets sets, LoadDatasets(arguments));
  SIGNUM_ASSIGN_OR_RETURN(const Start start, Prepare(arguments, sets));
  return train::CheckRequest(RequestOf(start, arguments, sets));
}

Result<train::SanityOutcome> CheckRunSanity(const RunArguments& arguments) {
  SIGNUM_ASSIGN_OR_RETURN(const Datasets sets, LoadDatasets(arguments));
  SIGNUM_ASSIGN_OR_RETURN(const Start start, Prepare(arguments, sets));
  return train::CheckSanity(RequestOf(start, arguments, sets));
}

nlohmann::ordered_json ToJson(const train::SanityOutcome& sanity) {
  return {{"steps", sanity.steps},
          {"first_loss", sanity.first_loss},
          {"last_loss", sanity.last_loss},
          {"chance", sanity.chance},
          {"passed", sanity.passed()}};
}

std::string SanityText(const train::SanityOutcome& sanity) {
  return fmt::format("loss of one batch {:.3f} -> {:.3f} in {} steps (chance: {:.3f})",
                     sanity.first_loss, sanity.last_loss, sanity.steps, sanity.chance);
}

Status VerdictOf(const train::SanityOutcome& sanity) {
  if (sanity.passed()) return {};
  return InvalidArgument(fmt::format(
      "after {} steps on one batch the loss is {:.3f}, not a quarter below its start and chance's "
      "{:.3f}: the network does not learn: gradients do not come through; try more bits, another "
      "--sign-gradient, or a trained network to start from",
      sanity.steps, sanity.last_loss, sanity.chance));
}

Status Learn(const LearnRequest& request) {
  if (request.sanity &&
      (!request.run.empty() || !request.arguments.output.empty() || !request.resume.empty())) {
    return InvalidArgument(
        "--sanity leaves nothing behind: --run, --resume and -o do not go with it");
  }
  if (!request.recipe.empty() || IsRecipeRun(request.resume)) return LearnRecipe(request);
  if (request.sanity) return CheckSanity(request);
  SIGNUM_ASSIGN_OR_RETURN(const Learned learned, LearnRun(request));
  if (request.json) {
    fmt::print("{}", JsonText(ToJson(learned)));
  } else {
    Print(learned);
  }
  return {};
}

}  // namespace signum::apps

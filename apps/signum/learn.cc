#include "learn.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "agreement.h"
#include "base/cpu.h"
#include "base/file.h"
#include "data/dataset.h"
#include "format/sgn.h"
#include "graph/passes/fold_batch_norm.h"
#include "json_text.h"
#include "layer_precision.h"
#include "report/table.h"
#include "run_folder.h"
#include "train/trainer.h"

namespace signum::apps {
namespace {

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
  if (arguments.verb == "quantize") {
    return InvalidArgument(fmt::format(
        "'{0}' is not a .sgn file; quantizing starts from a trained network: signum train {0}",
        arguments.model));
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

Result<std::unique_ptr<RunFolder>> StartRun(const LearnRequest& request, const Datasets& sets) {
  const RunArguments& arguments = request.arguments;
  SIGNUM_ASSIGN_OR_RETURN(Graph network, LoadNetwork(arguments, sets.train));
  network.metadata["data"] = arguments.data;
  std::optional<Graph> teacher;
  if (arguments.teacher == "float") {
    teacher = network;
  } else if (arguments.teacher != "none") {
    SIGNUM_ASSIGN_OR_RETURN(teacher, ReadSgn(arguments.teacher));
  }
  const Graph before = network;
  if (arguments.verb == "quantize") {
    SIGNUM_ASSIGN_OR_RETURN(network, InsertQuantizers(network, arguments.quantization));
    network.metadata["precision"] = PrecisionText(arguments.quantization);
    network.metadata.erase("calibration");  // its scales will be learned
  }
  // Before there is a folder that says otherwise.
  SIGNUM_RETURN_IF_ERROR(train::CheckRequest({.network = &network,
                                              .teacher = teacher ? &*teacher : nullptr,
                                              .train = &sets.train,
                                              .test = &sets.test,
                                              .config = arguments.training}));
  SIGNUM_ASSIGN_OR_RETURN(
      std::unique_ptr<RunFolder> run,
      RunFolder::Create(request.run, arguments, network, teacher ? &*teacher : nullptr));
  run->SetReference(before);
  return run;
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

struct Summary {
  double accuracy = 0, best_accuracy = 0;
  int64_t best_epoch = 0;
  int64_t file_bytes = 0, initial_bytes = 0;
  Agreement agreement;
};

std::vector<std::pair<std::string, std::string>> ReportResults(const Summary& s) {
  return {{"test accuracy", fmt::format("{:.2f} %", 100 * s.accuracy)},
          {"file", report::HumanBytes(s.file_bytes)},
          {"best epoch", fmt::format("{} ({:.2f} %)", s.best_epoch + 1, 100 * s.best_accuracy)},
          {"runtime agrees on",
           fmt::format("{} of {} images", s.agreement.same_class, s.agreement.images)}};
}

void Print(const RunFolder& run, const std::string& output, const Summary& s, bool json) {
  const Agreement& a = s.agreement;
  if (json) {
    const nlohmann::ordered_json document{{"run", run.path()},
                                          {"model", output},
                                          {"report", run.report_path()},
                                          {"test_accuracy", s.accuracy},
                                          {"best_accuracy", s.best_accuracy},
                                          {"best_epoch", s.best_epoch + 1},
                                          {"file_bytes", s.file_bytes},
                                          {"agreement",
                                           {{"images", a.images},
                                            {"same_class", a.same_class},
                                            {"trainer_accuracy", a.trainer_accuracy},
                                            {"runtime_accuracy", a.runtime_accuracy}}}};
    fmt::print("{}", JsonText(document));
    return;
  }
  fmt::print("test accuracy   {:.2f} % (best epoch: {}, {:.2f} %)\n", 100 * s.accuracy,
             s.best_epoch + 1, 100 * s.best_accuracy);
  fmt::print(
      "agreement       runtime and trainer give the same class on {} of {} images, "
      "accuracies {:.2f} % and {:.2f} %\n",
      a.same_class, a.images, 100 * a.runtime_accuracy, 100 * a.trainer_accuracy);
  fmt::print("model           {} ({})\n", output, report::HumanBytes(s.file_bytes));
  fmt::print("report          {}\n", run.report_path());
}

// What is handed to the user. A quantized network is there to run; a trained one
// to be quantized, which needs its batch norms.
Graph Finished(const RunArguments& arguments, const Graph& network) {
  return arguments.verb == "quantize" ? FoldBatchNorm(network) : network;
}

Result<Summary> Conclude(RunFolder& run, const train::TrainOutcome& outcome,
                         const data::Dataset& test) {
  const train::TrainConfig& config = run.arguments().training;
  Summary summary{outcome.test_accuracy, outcome.best_accuracy, outcome.best_epoch};
  SIGNUM_RETURN_IF_ERROR(WriteSgn(Finished(run.arguments(), outcome.network), run.model_path()));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> trainer,
                          train::Predict(outcome.network, test, config));
  const int threads = config.threads > 0 ? static_cast<int>(config.threads) : AvailableCores();
  // Through the file, so that the file is what was checked.
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> runtime,
                          RuntimeOutputs(run.model_path(), test, config.test_limit, threads));
  summary.agreement = Compare(trainer, runtime, test);
  summary.file_bytes = static_cast<int64_t>(std::filesystem::file_size(run.model_path()));
  SIGNUM_RETURN_IF_ERROR(run.Finish(outcome.network, test, runtime, ReportResults(summary)));
  return summary;
}

}  // namespace

Status Learn(const LearnRequest& request) {
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
  const train::TrainRequest training{.network = &run->initial(),
                                     .teacher = run->teacher(),
                                     .train = &sets.train,
                                     .test = &sets.test,
                                     .config = arguments.training,
                                     .checkpoint_path = run->checkpoint_path(),
                                     .resume = resume && has_checkpoint,
                                     .calibrate = arguments.verb == "quantize"};
  SIGNUM_ASSIGN_OR_RETURN(const train::TrainOutcome outcome, train::Train(training, *run));
  SIGNUM_ASSIGN_OR_RETURN(const Summary summary, Conclude(*run, outcome, sets.test));
  std::string output = run->model_path();
  // A resumed run may be given another place, or one at all.
  const std::string& wanted =
      request.arguments.output.empty() ? arguments.output : request.arguments.output;
  if (!wanted.empty()) {
    output = wanted;
    SIGNUM_RETURN_IF_ERROR(WriteSgn(Finished(arguments, outcome.network), output));
  }
  Print(*run, output, summary, request.json);
  return {};
}

}  // namespace signum::apps

// The folder of one training run, kept up to date epoch by epoch:
//
//   args.toml                what was asked
//   weights/initial.sgn      the network before the first step
//   weights/teacher.sgn      the teacher, where there is one
//   weights/best.sgn         after the epoch with the best test accuracy
//   weights/last.sgn         after the last epoch so far
//   weights/latent.sgn       after quantize, the float weights behind the codes and the
//                            quantizers of values: for training on in another precision
//   model.sgn                the finished network; after quantize, with its batch
//                            norms folded: for running, not for retraining
//   checkpoint.pt            what --resume goes on from
//   metrics.jsonl            one line per epoch
//   results.csv              the same as a table, without flip rates
//   events.out.tfevents.*    the same for TensorBoard
//   report.html              the same for people
//   lock                     locked (flock) by the process that is at work here
#ifndef SIGNUM_APPS_RUN_FOLDER_H_
#define SIGNUM_APPS_RUN_FOLDER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "report/event_file.h"
#include "report/progress.h"
#include "report/records.h"
#include "report/run_report.h"
#include "run_arguments.h"
#include "train/trainer.h"

namespace signum::apps {

class RunFolder : public train::Observer {
 public:
  // A new run in `path` (or, where empty, runs/VERB-MODEL-DATA, numbered if that
  // is taken). A folder that holds a run already is an error.
  static Result<std::unique_ptr<RunFolder>> Create(std::string path, const RunArguments& arguments,
                                                   const Graph& initial, const Graph* teacher);
  // The run in `path`, as its last checkpoint left it: records of an epoch that a
  // kill cut off are dropped.
  static Result<std::unique_ptr<RunFolder>> Open(const std::string& path);

  const RunArguments& arguments() const { return arguments_; }
  const Graph& initial() const { return initial_; }
  const Graph* teacher() const { return teacher_ ? &*teacher_ : nullptr; }
  std::string checkpoint_path() const { return path_ + "/checkpoint.pt"; }
  std::string report_path() const { return path_ + "/report.html"; }
  std::string last_path() const { return path_ + "/weights/last.sgn"; }
  std::string latent_path() const { return path_ + "/weights/latent.sgn"; }
  std::string model_path() const { return path_ + "/model.sgn"; }
  const std::string& path() const { return path_; }

  // The network whose weights the report shows as "before".
  void SetReference(Graph reference) { reference_ = std::move(reference); }

  void OnBatch(const train::BatchProgress& progress) override;
  Status OnEpoch(const train::EpochResult& result, const Graph& snapshot) override;

  // Writes the finished network to weights/last.sgn, the float weights behind it to
  // weights/latent.sgn, and the whole report.
  // outputs: {images, classes}, the network's logits for the test images.
  Status Finish(const train::TrainOutcome& outcome, const data::Dataset& test,
                const std::vector<float>& outputs,
                std::vector<std::pair<std::string, std::string>> results);

 private:
  RunFolder(std::string path, RunArguments arguments, Graph initial);

  // An error where another process has the run.
  Status Lock();
  Status StartRecords();
  Status WriteWeightEvents(int64_t epoch, const Graph& network);
  Status WriteEvents(const report::EpochRecord& record);
  Status WriteTable() const;
  report::RunReport MakeReport(const Graph& network) const;

  std::string path_;
  RunArguments arguments_;
  Graph initial_;
  Graph reference_;
  std::optional<Graph> teacher_;
  std::vector<report::EpochRecord> epochs_;
  std::optional<base::Descriptor> lock_;  // RUN/lock, for as long as the run is at work
  std::optional<report::JsonLinesFile> metrics_;
  std::optional<report::EventFile> events_;
  std::unique_ptr<report::ProgressBar> bar_;
  int64_t bar_epoch_ = -1;
};

}  // namespace signum::apps

#endif  // SIGNUM_APPS_RUN_FOLDER_H_

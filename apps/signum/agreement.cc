#include "agreement.h"

#include <algorithm>

#include "base/check.h"
#include "data/loader.h"
#include "signum/signum.h"

namespace signum::apps {

Result<std::vector<float>> RuntimeOutputs(const std::string& path, int bits,
                                          const data::Dataset& dataset, int64_t limit,
                                          int threads) {
  constexpr int64_t kBatch = 100;
  SIGNUM_ASSIGN_OR_RETURN(const Model model, Model::Load(path, bits));
  SIGNUM_ASSIGN_OR_RETURN(Session session,
                          Session::Create(model, {.threads = threads, .max_batch = kBatch}));
  data::BatchLoader loader(dataset, {.batch_size = kBatch, .limit = limit});
  std::vector<float> outputs(loader.images() * model.output_size());
  data::Batch batch;
  for (size_t at = 0; loader.Next(&batch);) {
    const size_t count = batch.size() * model.output_size();
    SIGNUM_RETURN_IF_ERROR(
        session.Run(batch.images, batch.size(), std::span(outputs).subspan(at, count)));
    at += count;
  }
  return outputs;
}

Agreement Compare(const std::vector<float>& trainer, const std::vector<float>& runtime,
                  const data::Dataset& dataset) {
  SIGNUM_CHECK(trainer.size() == runtime.size());
  const auto classes = static_cast<int64_t>(dataset.class_names.size());
  const auto class_of = [classes](const std::vector<float>& outputs, int64_t image) {
    const float* row = outputs.data() + image * classes;
    return std::max_element(row, row + classes) - row;
  };
  Agreement agreement{.images = static_cast<int64_t>(trainer.size()) / classes};
  int64_t trainer_right = 0, runtime_right = 0;
  for (int64_t i = 0; i < agreement.images; ++i) {
    const auto a = class_of(trainer, i), b = class_of(runtime, i);
    agreement.same_class += a == b;
    trainer_right += a == dataset.labels[i];
    runtime_right += b == dataset.labels[i];
  }
  const auto images = static_cast<double>(std::max<int64_t>(agreement.images, 1));
  agreement.trainer_accuracy = static_cast<double>(trainer_right) / images;
  agreement.runtime_accuracy = static_cast<double>(runtime_right) / images;
  return agreement;
}

}  // namespace signum::apps

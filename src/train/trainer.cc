#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <set>

#include "data/loader.h"
#include "graph/passes/fold_batch_norm.h"
#include "train/backend.h"
#include "train/batch.h"
#include "train/calibrate.h"
#include "train/check.h"
#include "train/checkpoint.h"
#include "train/graph_module.h"
#include "train/guards.h"
#include "train/layer_settings.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/tally.h"

namespace signum::train {
namespace {

using Clock = std::chrono::steady_clock;

// Of networks that do not learn.
QuantizationConfig Frozen() { return {.frozen = true}; }

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<torch::Device> ChooseDevice(const std::string& name) {
  try {
    torch::Device device(name);
    if (device.is_cpu()) return device;
    if (device.is_cuda() && torch::cuda::is_available()) return device;
    return Unsupported("--device " + name + ": this libtorch has no such device; use cpu");
  } catch (const c10::Error&) {
    return InvalidArgument("--device " + name + " is not known; use cpu, cuda or cuda:N");
  }
}

using Tensors = std::map<std::string, torch::Tensor>;  // by name

// One run: what Train keeps between epochs.
class Run {
 public:
  Run(const TrainRequest& request, Observer& observer, torch::Device device)
      : request_(request),
        config_(request.config),
        observer_(observer),
        device_(device),
        module_(*request.network, config_.quantization, device) {
    if (request.teacher != nullptr) {
      teacher_.emplace(FoldBatchNorm(*request.teacher), Frozen(), device);
    }
    for (const Graph* graph : request.narrower) {
      narrower_.push_back(std::make_unique<GraphModule>(*graph, config_.quantization, device));
      narrower_.back()->ShareWeights(module_);
    }
    if (config_.average_decay > 0) {
      ForEachModule([](GraphModule& module) { module.StartAverage(); });
    }
    optimizer_ = MakeOptimizer(LearningTensors(), config_);
    if (!config_.learn_scales) {
      for (const auto& [name, tensor] : State()) {
        torch::Tensor state = tensor;
        if (name.ends_with(".scale")) state.set_requires_grad(false);
      }
    }
  }

  Result<TrainOutcome> Execute() {
    torch::manual_seed(config_.seed);
    if (request_.resume) {
      SIGNUM_ASSIGN_OR_RETURN(position_,
                              LoadCheckpoint(request_.checkpoint_path, State(), *optimizer_));
    } else if (request_.calibrate) {
      Calibrate();
    }
    scales_at_start_ = CopyOf(LearnedScales());
    for (int64_t epoch = position_.epochs_done; epoch < config_.epochs; ++epoch) {
      SIGNUM_RETURN_IF_ERROR(Epoch(epoch));
    }
    ForEachModule([&](GraphModule& module) {
      if (config_.average_decay > 0) module.TakeAverage();
      if (config_.reestimate_batches > 0) ReestimateBatchNorm(module, *request_.train, config_);
    });
    SIGNUM_ASSIGN_OR_RETURN(const Tally test, Evaluate(module_));
    TrainOutcome outcome{.network = module_.Snapshot(),
                         .latents = module_.Latents(),
                         .test_accuracy = test.accuracy(),
                         .test_loss = test.mean_loss(),
                         .best_accuracy = position_.best_accuracy,
                         .best_epoch = position_.best_epoch};
    for (const auto& module : narrower_) outcome.narrower.push_back(module->Snapshot());
    return outcome;
  }

  Result<SanityOutcome> Sanity() {
    torch::manual_seed(config_.seed);
    dropout_ = false;
    if (request_.calibrate) Calibrate();
    data::BatchLoader::Options options = LoaderOptions(0);
    options.augmentation = {};
    data::BatchLoader loader(*request_.train, options);
    data::Batch batch;
    if (!loader.Next(&batch)) return TooFewImages();
    const double classes = static_cast<double>(request_.train->class_names.size());
    SanityOutcome outcome{.steps = kSanitySteps, .chance = std::log(classes)};
    for (int64_t step = 0; step < kSanitySteps; ++step) {
      Tally tally;
      const double progress = static_cast<double>(step) / kSanitySteps;
      SIGNUM_RETURN_IF_ERROR(
          Step(batch, config_.learning_rate, progress, &tally).map_error([&](const Error& e) {
            return e.In(fmt::format("step {}", step + 1));
          }));
      (step == 0 ? outcome.first_loss : outcome.last_loss) =
          std::max(tally.mean_loss(), worst_loss_);
    }
    return outcome;
  }

 private:
  tl::unexpected<Error> TooFewImages() const {
    const int64_t limit = config_.train_limit;
    const int64_t images = request_.train->size();
    return InvalidArgument(fmt::format("--batch-size {} is larger than the {} training images",
                                       config_.batch_size,
                                       limit > 0 ? std::min(limit, images) : images));
  }

  data::BatchLoader::Options LoaderOptions(int64_t epoch) const {
    return TrainingBatches(module_.graph(), config_, epoch);
  }

  void Calibrate() {
    data::BatchLoader::Options options = LoaderOptions(0);
    options.augmentation = {};
    data::BatchLoader loader(*request_.train, options);
    data::Batch batch;
    if (!loader.Next(&batch)) return;
    ForEachModule([&](GraphModule& module) {
      CalibrateQuantizers(module, ImagesOf(batch, request_.train->image_shape));
    });
  }

  Status Epoch(int64_t epoch) {
    const auto start = Clock::now();
    const auto bits_before = CopyOf(Bits());
    EpochResult result{.epoch = epoch};
    SIGNUM_ASSIGN_OR_RETURN(const Tally train, TrainEpoch(epoch, &result.learning_rate));
    result.images_per_second = static_cast<double>(train.images) / SecondsSince(start);
    SIGNUM_ASSIGN_OR_RETURN(const Tally test, Evaluate(module_));
    for (size_t i = 0; i < narrower_.size(); ++i) {
      SIGNUM_ASSIGN_OR_RETURN(
          const Tally narrow, Evaluate(*narrower_[i]).map_error([&](const Error& e) {
            return e.In(fmt::format("at {} bits", LeastBits(*request_.narrower[i])));
          }));
      result.narrower_accuracies.push_back(narrow.accuracy());
    }
    result.train_loss = train.mean_loss();
    result.train_accuracy = train.accuracy();
    result.test_loss = test.mean_loss();
    result.test_accuracy = test.accuracy();
    result.flip_rates = FlipRates(bits_before);
    result.seconds = SecondsSince(start);
    result.best = result.test_accuracy > position_.best_accuracy;
    if (result.best) {
      position_.best_accuracy = result.test_accuracy;
      position_.best_epoch = epoch;
    }
    SIGNUM_RETURN_IF_ERROR(observer_.OnEpoch(result, module_.Snapshot()));
    SIGNUM_RETURN_IF_ERROR(
        CheckEpoch({.epoch = epoch,
                    .epochs = config_.epochs,
                    .steps = train.images / config_.batch_size,
                    .bits = Bits(),
                    .codes = OfAll(std::mem_fn(&GraphModule::WiderCodes)),
                    .flip_rates = result.flip_rates,
                    .scales_at_start = scales_at_start_,
                    .scales = LearnedScales()})
            .map_error([&](const Error& e) { return e.In(fmt::format("epoch {}", epoch + 1)); }));
    position_.epochs_done = epoch + 1;
    if (request_.checkpoint_path.empty()) return {};
    return SaveCheckpoint(request_.checkpoint_path, State(), *optimizer_, position_);
  }

  Result<Tally> TrainEpoch(int64_t epoch, double* learning_rate) {
    data::BatchLoader loader(*request_.train, LoaderOptions(epoch));
    const int64_t steps_per_epoch = loader.batches();
    if (steps_per_epoch == 0) return TooFewImages();
    Tally tally;
    data::Batch batch;
    for (int64_t step = 0; loader.Next(&batch); ++step) {
      const int64_t global_step = epoch * steps_per_epoch + step;
      const double progress =
          static_cast<double>(global_step) / static_cast<double>(config_.epochs * steps_per_epoch);
      *learning_rate =
          LearningRate(config_, global_step, config_.epochs * steps_per_epoch, steps_per_epoch);
      SIGNUM_RETURN_IF_ERROR(
          Step(batch, *learning_rate, progress, &tally).map_error([&](const Error& e) {
            return e.In(fmt::format("epoch {}, step {}", epoch + 1, step + 1));
          }));
      if (config_.average_decay > 0) {
        ForEachModule(
            [&](GraphModule& module) { module.UpdateAverage(AverageShare(global_step)); });
      }
      observer_.OnBatch({epoch, config_.epochs, tally.images, steps_per_epoch * config_.batch_size,
                         tally.mean_loss(), tally.accuracy()});
    }
    return tally;
  }

  // Of the values after this step: more at the start, which an average should forget.
  double AverageShare(int64_t step) const {
    const double at = static_cast<double>(step);
    return 1 - std::min(config_.average_decay, (1 + at) / (10 + at));
  }

  Status Step(data::Batch& batch, double learning_rate, double progress, Tally* tally) {
    const torch::Tensor images = ImagesOf(batch, request_.train->image_shape);
    const torch::Tensor labels = LabelsOf(batch).to(device_);
    for (auto& group : optimizer_->param_groups()) group.options().set_lr(learning_rate);
    const torch::Tensor logits =
        module_.Logits(images, {.training = true, .dropout = dropout_, .progress = progress});
    torch::Tensor loss = CrossEntropy(logits, labels, config_.label_smoothing);
    if (teacher_) {
      torch::Tensor wanted;
      {
        torch::NoGradGuard no_gradients;
        wanted = teacher_->Logits(images, {});
      }
      loss = (1 - config_.distillation_weight) * loss +
             config_.distillation_weight *
                 Distillation(logits, wanted, config_.distillation_temperature);
    }
    const auto loss_value = loss.item<double>();
    if (!std::isfinite(loss_value)) return Diverged(module_, images, loss_value);
    ForgetGradients(*optimizer_);
    const double share = 1 / static_cast<double>(1 + narrower_.size());
    (narrower_.empty() ? loss : share * loss).backward();
    SIGNUM_RETURN_IF_ERROR(LearnNarrower(images, labels, logits.detach(), progress, share));
    ForEachModule([](GraphModule& module) { module.BeforeStep(); });
    optimizer_->step();
    ForEachModule([](GraphModule& module) { module.AfterStep(); });
    torch::NoGradGuard no_gradients;
    tally->Add(loss_value, logits, labels);
    return {};
  }

  // Adds the gradients of the networks of fewer bits, each of which learns from the one before.
  Status LearnNarrower(const torch::Tensor& images, const torch::Tensor& labels,
                       torch::Tensor wanted, double progress, double share) {
    worst_loss_ = 0;
    const double taught = config_.distillation_weight;
    for (const auto& module : narrower_) {
      const torch::Tensor logits =
          module->Logits(images, {.training = true, .dropout = dropout_, .progress = progress});
      const torch::Tensor loss =
          (1 - taught) * CrossEntropy(logits, labels, config_.label_smoothing) +
          taught * Distillation(logits, wanted, config_.distillation_temperature);
      const auto loss_value = loss.item<double>();
      if (!std::isfinite(loss_value)) return Diverged(*module, images, loss_value);
      worst_loss_ = std::max(worst_loss_, loss_value);
      (share * loss).backward();
      wanted = logits.detach();
    }
    return {};
  }

  // Of all precisions, by layer; of those of fewer bits with these.
  template <typename Get>
  Tensors OfAll(const Get& get) {
    Tensors all = get(module_);
    for (size_t i = 0; i < narrower_.size(); ++i) {
      for (const auto& [name, tensor] : get(*narrower_[i])) {
        all[fmt::format("{} at {} bits", name, LeastBits(*request_.narrower[i]))] = tensor;
      }
    }
    return all;
  }
  Tensors Bits() { return OfAll(std::mem_fn(&GraphModule::Bits)); }
  Tensors LearnedScales() { return OfAll(std::mem_fn(&GraphModule::LearnedScales)); }

  template <typename Act>
  void ForEachModule(const Act& act) {
    act(module_);
    for (const auto& module : narrower_) act(*module);
  }

  // Of all precisions.
  Tensors State() const {
    Tensors state = module_.State();
    for (size_t i = 0; i < narrower_.size(); ++i) {
      for (const auto& [name, tensor] : narrower_[i]->State()) {
        state[fmt::format("narrower{}/{}", i, name)] = tensor;
      }
    }
    return state;
  }

  // Of all precisions, what they share once.
  Learning LearningTensors() const {
    Learning learning{module_.DecayedParameters(), module_.OtherParameters()};
    std::set<const void*> known;
    for (const torch::Tensor& tensor : learning.others) known.insert(tensor.unsafeGetTensorImpl());
    for (const auto& module : narrower_) {
      for (const torch::Tensor& tensor : module->OtherParameters()) {
        if (known.insert(tensor.unsafeGetTensorImpl()).second) learning.others.push_back(tensor);
      }
    }
    return learning;
  }

  // Names the first parameter or value that is not finite.
  static Status Diverged(GraphModule& module, const torch::Tensor& images, double loss) {
    torch::NoGradGuard no_gradients;
    std::string place;
    for (NodeId id = 0; id < module.graph().size() && place.empty(); ++id) {
      const std::string& name = module.graph().node(id).name;
      for (const auto& [key, tensor] : module.State()) {
        // Running statistics took up this batch already, so they tell no origin.
        if (key.starts_with(name + ".") && !key.starts_with(name + ".running_") &&
            !torch::isfinite(tensor).all().item<bool>()) {
          place = "the parameters of layer '" + name + "'";
        }
      }
    }
    if (place.empty()) {
      ForwardOptions options{.training = true, .batch_norm_momentum = 0};
      options.inspect = [&](NodeId id, const torch::Tensor& value) {
        if (place.empty() && !torch::isfinite(value).all().item<bool>()) {
          place = "the output of layer '" + module.graph().node(id).name + "'";
        }
      };
      module.Forward(images, options);
    }
    return InvalidArgument(
        fmt::format("training diverged: the loss is {}, and the first thing that is not a finite "
                    "number is {}; lower --lr",
                    loss, place.empty() ? "the loss itself" : place));
  }

  Result<Tally> Evaluate(GraphModule& module) {
    torch::NoGradGuard no_gradients;
    data::BatchLoader loader(*request_.test, {.batch_size = 256, .limit = config_.test_limit});
    Tally tally;
    data::Batch batch;
    while (loader.Next(&batch)) {
      const torch::Tensor logits = module.Logits(ImagesOf(batch, request_.test->image_shape), {});
      const torch::Tensor labels = LabelsOf(batch).to(device_);
      const auto loss = CrossEntropy(logits, labels, 0).item<double>();
      if (!std::isfinite(loss)) {
        return InvalidArgument(
            "the loss of test images is no number: weights or statistics of batch norms left "
            "their range in the last steps; lower --lr");
      }
      tally.Add(loss, logits, labels);
    }
    return tally;
  }

  static Tensors CopyOf(Tensors tensors) {
    for (auto& [name, tensor] : tensors) tensor = tensor.detach().clone();
    return tensors;
  }

  std::map<std::string, double> FlipRates(const Tensors& before) {
    std::map<std::string, double> rates;
    for (const auto& [layer, bits] : Bits()) {
      rates[layer] = (bits != before.at(layer)).to(torch::kDouble).mean().item<double>();
    }
    return rates;
  }

  const TrainRequest& request_;
  const TrainConfig& config_;
  Observer& observer_;
  torch::Device device_;
  GraphModule module_;
  std::optional<GraphModule> teacher_;
  std::vector<std::unique_ptr<GraphModule>> narrower_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  Tensors scales_at_start_;
  Position position_;
  bool dropout_ = true;
  double worst_loss_ = 0;  // of the last step's narrower precisions
};

// libtorch's exceptions carry a backtrace after the first line.
Error FromException(const std::exception& error) {
  const bool torch = dynamic_cast<const c10::Error*>(&error) != nullptr;
  const std::string what = error.what();
  return {ErrorCode::kInternal, (torch ? "libtorch: " : "") + what.substr(0, what.find('\n'))};
}

}  // namespace

Status CheckRequest(const TrainRequest& request) {
  SIGNUM_RETURN_IF_ERROR(CheckConfig(request.config));
  std::vector<const Graph*> precisions = {request.network};
  precisions.insert(precisions.end(), request.narrower.begin(), request.narrower.end());
  SIGNUM_RETURN_IF_ERROR(CheckQuantization(precisions, request.config.quantization));
  SIGNUM_RETURN_IF_ERROR(CheckShapes(*request.network, *request.train));
  SIGNUM_RETURN_IF_ERROR(CheckShapes(*request.network, *request.test));
  if (request.teacher != nullptr) {
    SIGNUM_RETURN_IF_ERROR(CheckShapes(*request.teacher, *request.train).map_error([](auto e) {
      return e.In("the teacher");
    }));
  }
  if (const auto device = ChooseDevice(request.config.device); !device) {
    return tl::unexpected(device.error());
  }
  return {};
}

Result<TrainOutcome> Train(const TrainRequest& request, Observer& observer) {
  SIGNUM_RETURN_IF_ERROR(CheckRequest(request));
  try {
    SIGNUM_ASSIGN_OR_RETURN(const torch::Device device, ChooseDevice(request.config.device));
    UseThreads(request.config.threads);
    Run run(request, observer, device);
    return run.Execute();
  } catch (const std::exception& error) {
    return tl::unexpected(FromException(error));
  }
}

Result<SanityOutcome> CheckSanity(const TrainRequest& request) {
  SIGNUM_RETURN_IF_ERROR(CheckRequest(request));
  try {
    SIGNUM_ASSIGN_OR_RETURN(const torch::Device device, ChooseDevice(request.config.device));
    UseThreads(request.config.threads);
    Observer silent;
    // Adam's steps do not depend on the scale of gradients, so the question is whether any come
    // through, not whether the rate suits.
    TrainRequest check = request;
    check.config.optimizer = "adam";
    check.config.weight_decay = 0;
    // Only then is a loss comparable with ln(classes).
    check.teacher = nullptr;
    check.config.label_smoothing = 0;
    check.config.distillation_weight = 0;
    std::optional<SanityOutcome> best;
    Result<SanityOutcome> outcome;
    for (double rate : kSanityRates) {
      check.config.learning_rate = rate;
      Run run(check, silent, device);
      outcome = run.Sanity();
      if (!outcome) continue;  // a loss that is no number at this rate may be one at the next
      if (!best || outcome->last_loss < best->last_loss) best = *outcome;
      if (best->passed()) break;
    }
    if (best) return *best;
    return outcome;
  } catch (const std::exception& error) {
    return tl::unexpected(FromException(error));
  }
}

Result<std::vector<float>> Predict(const Graph& network, const data::Dataset& dataset,
                                   const TrainConfig& config) {
  SIGNUM_RETURN_IF_ERROR(CheckShapes(network, dataset));
  try {
    SIGNUM_ASSIGN_OR_RETURN(const torch::Device device, ChooseDevice(config.device));
    UseThreads(config.threads);
    torch::NoGradGuard no_gradients;
    GraphModule module(network, Frozen(), device);
    data::BatchLoader loader(dataset, {.batch_size = 256, .limit = config.test_limit});
    std::vector<float> outputs;
    data::Batch batch;
    while (loader.Next(&batch)) {
      const torch::Tensor logits =
          module.Forward(ImagesOf(batch, dataset.image_shape), {}).to(torch::kCPU).contiguous();
      const float* data = logits.data_ptr<float>();
      outputs.insert(outputs.end(), data, data + logits.numel());
    }
    return outputs;
  } catch (const std::exception& error) {
    return tl::unexpected(FromException(error));
  }
}

}  // namespace signum::train

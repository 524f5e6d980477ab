// The settings of a training run, as plain data. VisitSettings names every one
// of them once, for the command line and for args.toml alike.
#ifndef SIGNUM_TRAIN_CONFIG_H_
#define SIGNUM_TRAIN_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

namespace signum::train {

// The hysteresis threshold of those who ask for one without a number.
inline constexpr double kDefaultTheta = 0.1;

// A setting of quantization for the layers whose names fit a pattern (graph/name_pattern.h), and
// for the values that they read.
struct LayerSetting {
  std::string pattern, name, value;  // the name and the value as on the command line
  bool operator==(const LayerSetting&) const = default;
};

// How weights and values are quantized while they learn: weight_methods.h, quantizers.h and
// sign_gradient.h say what the names stand for.
struct QuantizationConfig {
  std::string binary_method = "xnor";     // of 1-bit weights: xnor, ir-net, recu, adabin, bop
  std::string weight_method = "min-max";  // of more bits: min-max, lsq, dorefa, ternary
  std::string value_method = "lsq";       // of 2- to 8-bit values: lsq, pact, dorefa
  std::string sign_gradient = "straight-through";  // of 1-bit values: kSignGradientNames
  bool rsign = true;                               // thresholds of 1-bit values learn
  double theta = 0;                                // hysteresis threshold; 0 is plain sign
  bool theta_relative = false;                     // theta is a multiple of mean |w|, else absolute
  bool clip = true;                                // xnor: no gradient to latents outside (-1, 1)
  double bop_gamma = 1e-3;                         // share of the new gradient in its mean
  double bop_tau = 1e-6;                           // the mean that flips a bit
  std::vector<LayerSetting> layers;                // of several that fit a layer the last counts
  bool frozen = false;  // no setting: weights that are codes stay so, in networks that do not learn
};

struct TrainConfig {
  int64_t epochs = 20;
  int64_t batch_size = 128;
  int64_t train_limit = 0;  // use the first N training images; 0 means all
  int64_t test_limit = 0;

  std::string optimizer = "sgd";  // sgd, adam, adamw
  double learning_rate = 0.1;     // the schedule's peak
  double momentum = 0.9;          // sgd
  bool nesterov = true;           // sgd
  double weight_decay = 5e-4;     // on weights of convolutions and linear layers

  std::string schedule = "one-cycle";            // constant, multi-step, cosine, one-cycle
  double warmup_epochs = 0;                      // linear, before the schedule; not for one-cycle
  std::vector<double> milestones = {0.5, 0.75};  // multi-step: shares of the run
  double milestone_factor = 0.1;

  double label_smoothing = 0;
  double distillation_weight = 0.5;  // of the teacher's part, where there is one
  double distillation_temperature = 4;

  int64_t crop_padding = 4;
  bool flip = true;

  QuantizationConfig quantization;
  bool learn_scales = true;          // value scales learn; else they stay as calibrated
  double average_decay = 0;          // of the moving average of what learns; 0: none is taken
  int64_t reestimate_batches = 100;  // batch-norm statistics at the end; 0 leaves them

  uint64_t seed = 1;
  std::string device = "cpu";  // cpu, cuda, cuda:N
  int64_t threads = 0;         // 0 means all cores that the process may use
};

// Calls visit(name, field, help) for every setting that layers may have of their own.
template <typename Config, typename Visit>
void VisitQuantizationSettings(Config& c, Visit&& visit) {
  visit("binary-method", c.binary_method, "of 1-bit weights: xnor, ir-net, recu, adabin or bop");
  visit("weight-method", c.weight_method,
        "of 2- to 8-bit weights: min-max, lsq or dorefa; of 2-bit ones also ternary");
  visit("value-method", c.value_method, "of 2- to 8-bit values: lsq, pact or dorefa");
  visit("sign-gradient", c.sign_gradient,
        "of 1-bit values: straight-through, bi-real, swish-sign or ede");
  visit("rsign", c.rsign, "thresholds of 1-bit values learn, else stay calibrated");
  visit("theta", c.theta, "hysteresis threshold of 1-bit weights (0: plain sign)");
  visit("theta-relative", c.theta_relative, "theta is a multiple of the mean magnitude");
  visit("clip", c.clip, "xnor: no gradient to latent weights outside (-1, 1)");
  visit("bop-gamma", c.bop_gamma, "bop: share of the new gradient in its mean");
  visit("bop-tau", c.bop_tau, "bop: the mean gradient that flips a bit");
}

// Calls visit(name, field, help) for every setting; names are those of the
// command line without the dashes.
template <typename Config, typename Visit>
void VisitSettings(Config& c, Visit&& visit) {
  visit("epochs", c.epochs, "passes over the training images");
  visit("batch-size", c.batch_size, "images per step");
  visit("train-limit", c.train_limit, "use the first N training images only (0: all)");
  visit("test-limit", c.test_limit, "use the first N test images only (0: all)");
  visit("optimizer", c.optimizer, "sgd, adam or adamw");
  visit("lr", c.learning_rate, "peak learning rate; 0.001 for adam and adamw unless given");
  visit("momentum", c.momentum, "momentum of sgd");
  visit("nesterov", c.nesterov, "Nesterov's momentum");
  visit("weight-decay", c.weight_decay, "on weights of convolutions and linear layers");
  visit("schedule", c.schedule, "constant, multi-step, cosine or one-cycle");
  visit("warmup-epochs", c.warmup_epochs, "epochs of linear warm-up");
  visit("milestones", c.milestones, "multi-step: where the rate drops, as shares of the run");
  visit("milestone-factor", c.milestone_factor, "multi-step: the factor at each milestone");
  visit("label-smoothing", c.label_smoothing, "share of the target spread over all classes");
  visit("distillation-weight", c.distillation_weight, "share of the teacher in the loss");
  visit("distillation-temperature", c.distillation_temperature, "softens both outputs");
  visit("crop-padding", c.crop_padding, "random crops after padding by N pixels (0: none)");
  visit("flip", c.flip, "random horizontal flips");
  VisitQuantizationSettings(c.quantization, visit);
  visit("learn-scales", c.learn_scales, "scales of feature maps learn, else stay calibrated");
  visit("average-decay", c.average_decay,
        "the network at the end is the moving average of the steps' (0.999, say; 0: the last)");
  visit("reestimate-batches", c.reestimate_batches,
        "batches for new batch-norm statistics at the end (0: keep)");
  visit("seed", c.seed, "of weights, shuffling, augmentation and dropout");
  visit("device", c.device, "cpu, cuda or cuda:N");
  visit("threads", c.threads, "0: every core");
}

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_CONFIG_H_

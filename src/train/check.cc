#include "train/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "graph/name_pattern.h"
#include "graph/passes/weight_offsets.h"
#include "train/layer_settings.h"
#include "train/sign_gradient.h"

namespace signum::train {
namespace {

constexpr const char* kOptimizers[] = {"sgd", "adam", "adamw"};
constexpr const char* kSchedules[] = {"constant", "multi-step", "cosine", "one-cycle"};
constexpr const char* kBinaryMethods[] = {"xnor", "ir-net", "recu", "adabin", "bop"};
constexpr const char* kWeightMethods[] = {"min-max", "lsq", "dorefa", "ternary"};
constexpr const char* kValueMethods[] = {"lsq", "pact", "dorefa"};

Status OneOf(const char* flag, const std::string& value, std::span<const char* const> all) {
  std::string list;
  for (const char* name : all) {
    if (value == name) return {};
    list += list.empty() ? name : std::string(", ") + name;
  }
  return InvalidArgument(fmt::format("--{} {} is not known; choose one of {}", flag, value, list));
}

Status InRange(const char* flag, double value, double low, double high) {
  if (value >= low && value <= high) return {};
  return InvalidArgument(fmt::format("--{} {} is outside {} to {}", flag, value, low, high));
}

// The settings of quantizers, of all layers or of one.
Status CheckMethods(const QuantizationConfig& q) {
  SIGNUM_RETURN_IF_ERROR(OneOf("binary-method", q.binary_method, kBinaryMethods));
  SIGNUM_RETURN_IF_ERROR(OneOf("weight-method", q.weight_method, kWeightMethods));
  SIGNUM_RETURN_IF_ERROR(OneOf("value-method", q.value_method, kValueMethods));
  SIGNUM_RETURN_IF_ERROR(OneOf("sign-gradient", q.sign_gradient, kSignGradientNames));
  SIGNUM_RETURN_IF_ERROR(InRange("theta", q.theta, 0, 1e3));
  SIGNUM_RETURN_IF_ERROR(InRange("bop-gamma", q.bop_gamma, 0, 1));
  SIGNUM_RETURN_IF_ERROR(InRange("bop-tau", q.bop_tau, 0, 1e3));
  if (q.binary_method == "bop" && q.theta > 0) {
    return InvalidArgument(
        "--binary-method bop has no latent weights for the hysteresis of --theta; leave one out");
  }
  return {};
}

// A layer with quantized weights or values: what its settings are for.
struct Site {
  std::string name;
  int weight_bits = 0;      // 0 where weights are floats
  int value_bits = 0;       // 0 where it reads floats, or what a layer before has settled
  bool normalized = false;  // whether a batch norm reads the layer
  QuantizationConfig config;
};

// Whether the value goes to a batch norm, pooled or moved at most.
bool MeetsBatchNorm(const Graph& network, NodeId value) {
  for (NodeId reader : network.Readers(value)) {
    const Op& op = network.node(reader).op;
    if (std::holds_alternative<BatchNormOp>(op)) return true;
    const bool pools = MovesValues(op) || std::holds_alternative<AveragePoolOp>(op) ||
                       std::holds_alternative<GlobalAveragePoolOp>(op);
    if (pools && MeetsBatchNorm(network, reader)) return true;
  }
  return false;
}

Result<std::vector<Site>> SitesOf(const Graph& network, const QuantizationConfig& config) {
  std::vector<Site> sites;
  std::set<NodeId> settled;
  for (NodeId id = 0; id < network.size(); ++id) {
    const Node& node = network.node(id);
    if (WeightQuantizerSlot(node.op) == nullptr) continue;
    const WeightQuantizer* quantizer = WeightQuantizerOf(node.op);
    const NodeId source = QuantizerOfValue(network, node.inputs[0]);
    if (quantizer == nullptr && source < 0) continue;
    Site site{.name = node.name};
    if (quantizer != nullptr) site.weight_bits = quantizer->bits;
    const bool settles = source >= 0 && settled.insert(source).second;
    if (settles) site.value_bits = std::get<QuantizeOp>(network.node(source).op).bits;
    SIGNUM_ASSIGN_OR_RETURN(site.config, ConfigOfLayer(config, node.name));
    site.normalized = MeetsBatchNorm(network, id);
    const std::string place = "layer '" + node.name + "'";
    SIGNUM_RETURN_IF_ERROR(CheckMethods(site.config).map_error([&](const Error& e) {
      return config.layers.empty() ? e : e.In(place);
    }));
    sites.push_back(std::move(site));
  }
  return sites;
}

// What a setting of quantizers is for.
struct Use {
  const char* flag;  // as an error calls it
  std::function<bool(const Site&)> has;
  const char* needs;
};

const std::map<std::string, Use>& Uses() {
  const auto one_bit = [](const Site& s) { return s.weight_bits == 1; };
  const auto bop = [](const Site& s) {
    return s.weight_bits == 1 && s.config.binary_method == "bop";
  };
  const auto one_bit_value = [](const Site& s) { return s.value_bits == 1; };
  constexpr const char* kOneBitValue =
      "values of 1 bit, of which the first of their readers says how they learn";
  static const std::map<std::string, Use> uses = {
      {"binary-method", {"binary-method", one_bit, "weights of 1 bit"}},
      {"weight-method",
       {"weight-method",
        [](const Site& s) {
          return s.weight_bits == 2 || (s.weight_bits > 1 && s.config.weight_method != "ternary");
        },
        "weights of 2 to 8 bits (ternary: of 2 bits)"}},
      {"value-method",
       {"value-method", [](const Site& s) { return s.value_bits > 1; },
        "values of 2 to 8 bits, of which the first of their readers says how they learn"}},
      {"sign-gradient", {"sign-gradient", one_bit_value, kOneBitValue}},
      {"rsign", {"no-rsign", one_bit_value, kOneBitValue}},
      {"theta", {"theta", one_bit, "weights of 1 bit"}},
      {"theta-relative",
       {"theta-relative", [](const Site& s) { return s.weight_bits == 1 && s.config.theta > 0; },
        "weights of 1 bit and --theta"}},
      {"clip",
       {"no-clip",
        [](const Site& s) { return s.weight_bits == 1 && s.config.binary_method == "xnor"; },
        "weights of 1 bit and --binary-method xnor"}},
      {"bop-gamma", {"bop-gamma", bop, "--binary-method bop"}},
      {"bop-tau", {"bop-tau", bop, "--binary-method bop"}},
  };
  return uses;
}

std::map<std::string, std::string> TextsOf(const QuantizationConfig& config) {
  std::map<std::string, std::string> texts;
  VisitQuantizationSettings(config, [&](const char* name, const auto& field, const char*) {
    texts[name] = fmt::format("{}", field);
  });
  return texts;
}

// Whether each setting that is given is for one of the sites.
Status CheckUses(const std::vector<Site>& sites, const QuantizationConfig& config) {
  const std::map<std::string, std::string> usual = TextsOf({}), given = TextsOf(config);
  for (const auto& [name, text] : given) {
    const Use& use = Uses().at(name);
    if (text == usual.at(name) || std::any_of(sites.begin(), sites.end(), use.has)) continue;
    return InvalidArgument(
        fmt::format("--{} does nothing here, for it needs {}; leave it out", use.flag, use.needs));
  }
  for (const LayerSetting& setting : config.layers) {
    const auto fits = [&](const Site& site) { return FitsPattern(site.name, setting.pattern); };
    if (std::none_of(sites.begin(), sites.end(), fits)) {
      return InvalidArgument(fmt::format(
          "no layer with quantized weights or values is named '{}', which {} is set for; "
          "`signum info` lists the layers",
          setting.pattern, setting.name));
    }
    const Use& use = Uses().at(setting.name);
    if (std::any_of(sites.begin(), sites.end(),
                    [&](const Site& site) { return fits(site) && use.has(site); })) {
      continue;
    }
    return InvalidArgument(
        fmt::format("{} does nothing for layers '{}', for it needs {}; leave it "
                    "out",
                    setting.name, setting.pattern, use.needs));
  }
  return {};
}

// Of IR-Net and ReCU, which leave the size of a layer's values to its batch norm.
Status CheckNormalized(const std::vector<Site>& sites) {
  for (const Site& site : sites) {
    const std::string& method = site.config.binary_method;
    if (site.weight_bits != 1 || site.normalized || (method != "ir-net" && method != "recu")) {
      continue;
    }
    return InvalidArgument(fmt::format(
        "--binary-method {}: its scale is about 1 whatever the weights are, so it needs "
        "a batch norm behind a layer, which layer '{}' has not; choose another, for "
        "that layer by --layer",
        method, site.name));
  }
  return {};
}

// Of AdaBin, which adds nodes.
Status CheckOffsetNames(const Graph& network, const std::vector<Site>& sites) {
  std::set<std::string> names;
  for (const Node& node : network.nodes()) names.insert(node.name);
  for (const Site& site : sites) {
    if (site.weight_bits != 1 || site.config.binary_method != "adabin") continue;
    for (const char* added : kOffsetNames) {
      if (!names.contains(site.name + added)) continue;
      return InvalidArgument(fmt::format(
          "--binary-method adabin needs the name '{}{}', which another node of the network has; "
          "choose another method for layer '{}'",
          site.name, added, site.name));
    }
  }
  return {};
}

}  // namespace

Status CheckShapes(const Graph& network, const data::Dataset& dataset) {
  const Shape& input = network.input_shape();
  const Shape& image = dataset.image_shape;
  if (input.rank() != 4 || Shape{input[1], input[2], input[3]} != image) {
    return InvalidArgument(fmt::format(
        "the network takes images of {}, but {} has {}; choose another dataset or build the "
        "network for that size",
        Shape(std::vector<int64_t>(input.sizes().begin() + 1, input.sizes().end())).ToString(),
        dataset.name, image.ToString()));
  }
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(network));
  const auto classes = static_cast<int64_t>(dataset.class_names.size());
  if (shapes.back() != Shape{1, classes}) {
    return InvalidArgument(fmt::format("the network's output has shape {}, but {} has {} classes",
                                       shapes.back().ToString(), dataset.name, classes));
  }
  return {};
}

Status CheckConfig(const TrainConfig& c) {
  SIGNUM_RETURN_IF_ERROR(OneOf("optimizer", c.optimizer, kOptimizers));
  SIGNUM_RETURN_IF_ERROR(OneOf("schedule", c.schedule, kSchedules));
  if (c.warmup_epochs > 0 && c.schedule == "one-cycle") {
    return InvalidArgument(
        "--schedule one-cycle starts with a warm-up of its own; leave out --warmup-epochs or "
        "choose --schedule cosine");
  }
  for (const double milestone : c.milestones) {
    SIGNUM_RETURN_IF_ERROR(InRange("milestones", milestone, 0, 1));
  }
  SIGNUM_RETURN_IF_ERROR(InRange("epochs", static_cast<double>(c.epochs), 1, 1e6));
  // One image would leave batch norm without a variance.
  SIGNUM_RETURN_IF_ERROR(InRange("batch-size", static_cast<double>(c.batch_size), 2, 65536));
  SIGNUM_RETURN_IF_ERROR(InRange("lr", c.learning_rate, 1e-12, 1e3));
  SIGNUM_RETURN_IF_ERROR(InRange("momentum", c.momentum, 0, 0.9999));
  SIGNUM_RETURN_IF_ERROR(InRange("weight-decay", c.weight_decay, 0, 1));
  SIGNUM_RETURN_IF_ERROR(
      InRange("warmup-epochs", c.warmup_epochs, 0, static_cast<double>(c.epochs)));
  SIGNUM_RETURN_IF_ERROR(InRange("milestone-factor", c.milestone_factor, 0, 1));
  SIGNUM_RETURN_IF_ERROR(InRange("label-smoothing", c.label_smoothing, 0, 1));
  SIGNUM_RETURN_IF_ERROR(InRange("distillation-weight", c.distillation_weight, 0, 1));
  SIGNUM_RETURN_IF_ERROR(
      InRange("distillation-temperature", c.distillation_temperature, 0.01, 1e3));
  SIGNUM_RETURN_IF_ERROR(InRange("crop-padding", static_cast<double>(c.crop_padding), 0, 1024));
  SIGNUM_RETURN_IF_ERROR(CheckMethods(c.quantization));
  if (c.average_decay > 0 && c.reestimate_batches == 0) {
    return InvalidArgument(
        "--average-decay needs batch norms to be estimated again for the averaged weights; leave "
        "out --reestimate-batches 0");
  }
  SIGNUM_RETURN_IF_ERROR(InRange("average-decay", c.average_decay, 0, 0.999999));
  SIGNUM_RETURN_IF_ERROR(
      InRange("reestimate-batches", static_cast<double>(c.reestimate_batches), 0, 1e6));
  SIGNUM_RETURN_IF_ERROR(InRange("train-limit", static_cast<double>(c.train_limit), 0, 1e12));
  SIGNUM_RETURN_IF_ERROR(InRange("test-limit", static_cast<double>(c.test_limit), 0, 1e12));
  return InRange("threads", static_cast<double>(c.threads), 0, 1024);
}

Status CheckQuantization(const std::vector<const Graph*>& precisions,
                         const QuantizationConfig& config) {
  std::vector<Site> sites;
  for (const Graph* graph : precisions) {
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<Site> own, SitesOf(*graph, config));
    SIGNUM_RETURN_IF_ERROR(CheckOffsetNames(*graph, own));
    sites.insert(sites.end(), own.begin(), own.end());
  }
  SIGNUM_RETURN_IF_ERROR(CheckUses(sites, config));
  SIGNUM_RETURN_IF_ERROR(CheckNormalized(sites));
  if (precisions.size() == 1) return {};
  for (const Site& site : sites) {
    if (site.weight_bits != 1) continue;
    const std::map<std::string, const char*> alone = {
        {"bop", "has no latent weights for several precisions to share"},
        {"adabin", "adds layers, which several precisions cannot share"}};
    const auto found = alone.find(site.config.binary_method);
    if (found == alone.end()) continue;
    return InvalidArgument(
        fmt::format("--binary-method {} {}, as layer '{}' would have to; choose "
                    "another",
                    found->first, found->second, site.name));
  }
  return {};
}

}  // namespace signum::train

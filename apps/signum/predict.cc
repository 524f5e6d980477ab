// `signum predict`: what a trained model sees in images.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "data/image.h"
#include "json_text.h"
#include "model_argument.h"
#include "report/table.h"
#include "runtime/executor.h"
#include "verb.h"

namespace signum::apps {
namespace {

struct PredictFlags {
  std::vector<std::string> arguments;  // the model, unless --model names it, and images
  int bits = 0;                        // of a switchable model; 0: the most
  std::string model;
  std::vector<std::string> images;
  int top = 5;
  int threads = AvailableCores();
  bool json = false;
};

struct Prediction {
  std::string image;
  std::vector<float> probabilities;  // by class
};

// The file as the network takes it: {channels, height, width} in [0, 1].
Result<std::vector<float>> ReadInput(const std::string& path, const Shape& input) {
  SIGNUM_ASSIGN_OR_RETURN(data::Image image, data::ReadImage(path, static_cast<int>(input[1])));
  if (image.height() != input[2] || image.width() != input[3]) {
    image = data::ResizeImage(image, input[2], input[3]);
  }
  std::vector<float> floats;
  floats.reserve(image.pixels.size());
  for (uint8_t pixel : image.pixels) floats.push_back(static_cast<float>(pixel) / 255.0f);
  return floats;
}

std::vector<float> Softmax(const std::vector<float>& logits) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(double{logit} - highest);
  std::vector<float> probabilities;
  for (float logit : logits) {
    probabilities.push_back(static_cast<float>(std::exp(double{logit} - highest) / sum));
  }
  return probabilities;
}

Status CheckModel(const std::string& argument, const Graph& graph,
                  const std::vector<Shape>& shapes) {
  const Shape& input = graph.input_shape();
  if (input.rank() != 4 || (input[1] != 1 && input[1] != 3)) {
    return Unsupported(
        fmt::format("{}: takes inputs of {}, not gray or RGB images", argument, input.ToString()));
  }
  const Shape& output = shapes[graph.output()];
  if (output.elements() != output[output.rank() > 1 ? 1 : 0]) {
    return Unsupported(fmt::format("{}: gives {} for an image, not one value a class", argument,
                                   output.ToString()));
  }
  return {};
}

std::string ClassName(const Graph& graph, int index) {
  return graph.class_names.empty() ? fmt::format("class {}", index) : graph.class_names[index];
}

// Classes by falling probability, at most `top`.
std::vector<int> Best(const std::vector<float>& probabilities, int top) {
  std::vector<int> order(probabilities.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return probabilities[a] > probabilities[b]; });
  order.resize(std::min<size_t>(order.size(), top));
  return order;
}

void PrintJson(const Graph& graph, const std::vector<Prediction>& predictions, int top) {
  auto json = nlohmann::ordered_json::array();
  for (const Prediction& prediction : predictions) {
    nlohmann::ordered_json entry;
    entry["image"] = prediction.image;
    entry["classes"] = nlohmann::ordered_json::array();
    for (int index : Best(prediction.probabilities, top)) {
      entry["classes"].push_back({{"index", index},
                                  {"name", ClassName(graph, index)},
                                  {"probability", prediction.probabilities[index]}});
    }
    json.push_back(std::move(entry));
  }
  std::fputs(JsonText(json).c_str(), stdout);
}

void PrintTables(const Graph& graph, const std::vector<Prediction>& predictions, int top) {
  for (size_t i = 0; i < predictions.size(); ++i) {
    report::Table table({{predictions[i].image}, {"probability", true}});
    for (int index : Best(predictions[i].probabilities, top)) {
      table.AddRow({ClassName(graph, index),
                    fmt::format("{:.1f} %", 100 * predictions[i].probabilities[index])});
    }
    std::fputs(((i > 0 ? "\n" : "") + table.ToText()).c_str(), stdout);
  }
}

Status Predict(const PredictFlags& flags) {
  SIGNUM_RETURN_IF_ERROR(CheckTrained(flags.model));
  SIGNUM_ASSIGN_OR_RETURN(const Graph graph, LoadGraph(flags.model, zoo::ZooOptions{}, flags.bits));
  SIGNUM_RETURN_IF_ERROR(CheckNotLatent(graph));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  SIGNUM_RETURN_IF_ERROR(CheckModel(flags.model, graph, shapes));
  SIGNUM_ASSIGN_OR_RETURN(const auto executor,
                          runtime::MakeExecutor(graph, {.threads = flags.threads}));
  const bool probabilities = std::holds_alternative<SoftmaxOp>(graph.node(graph.output()).op);
  std::vector<Prediction> predictions;
  for (const std::string& path : flags.images) {
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<float> input, ReadInput(path, graph.input_shape()));
    std::vector<float> outputs(shapes[graph.output()].elements());
    SIGNUM_RETURN_IF_ERROR(executor->Run(input, 1, outputs));
    if (!std::all_of(outputs.begin(), outputs.end(), [](float x) { return std::isfinite(x); })) {
      return Corrupt(fmt::format("{}: its output for {} is not a number", flags.model, path));
    }
    predictions.push_back({path, probabilities ? outputs : Softmax(outputs)});
  }
  if (flags.json) {
    PrintJson(graph, predictions, flags.top);
  } else {
    PrintTables(graph, predictions, flags.top);
  }
  return {};
}

}  // namespace

Action AddPredict(CLI::App& command) {
  const auto flags = std::make_shared<PredictFlags>();
  command
      .add_option("ARGUMENTS", flags->arguments,
                  "MODEL: a trained .sgn file, or a name of models/ (resnet20-w1a8-cifar10); then "
                  "IMAGE...: PNG or JPEG files, of any size")
      ->required()
      ->option_text("MODEL IMAGE...");
  command.add_option("--model", flags->model, "the model; all other arguments are then images");
  AddBitsFlag(command, flags->bits);
  command.add_option("--top", flags->top, "how many classes to show")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_option("--threads", flags->threads, "threads that share an image")
      ->capture_default_str()
      ->check(CLI::Range(1, runtime::kMaxThreads));
  command.add_flag("--json", flags->json, "print JSON instead of tables");
  return [flags]() -> Status {
    flags->images = flags->arguments;
    if (flags->model.empty()) {
      flags->model = flags->images.front();
      flags->images.erase(flags->images.begin());
    }
    if (flags->images.empty()) return InvalidArgument("no IMAGE given; name a PNG or JPEG file");
    flags->model = ModelPath(flags->model);
    return Predict(*flags);
  };
}

}  // namespace signum::apps

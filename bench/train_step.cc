// Times training steps of a ResNet-20 on 128 CIFAR-sized images, as `signum train`
// takes them, data loading and all, and prints the median in milliseconds.
// bench/train_step.py runs it against Python's PyTorch.
//
// With "low-bit", it times steps of low-bit networks, as `signum quantize --teacher none` takes
// them, and float ones in turns, and the loader alone, and prints their ratios.
//
// usage: train_step_bench STEPS THREADS [low-bit]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "data/loader.h"
#include "graph/passes/insert_quantizers.h"
#include "train/trainer.h"
#include "zoo/zoo.h"

namespace signum {
namespace {

constexpr int64_t kBatch = 128;

// Keeps the time between one step's end and the next one's.
class StepTimer : public train::Observer {
 public:
  void OnBatch(const train::BatchProgress&) override {
    const auto now = std::chrono::steady_clock::now();
    if (started_) {
      milliseconds_.push_back(std::chrono::duration<double, std::milli>(now - last_).count());
    }
    started_ = true;
    last_ = now;
  }
  double Median() {
    std::sort(milliseconds_.begin(), milliseconds_.end());
    return milliseconds_[milliseconds_.size() / 2];
  }

 private:
  bool started_ = false;
  std::chrono::steady_clock::time_point last_;
  std::vector<double> milliseconds_;
};

data::Dataset Noise(int64_t count) {
  data::Dataset images{.name = "noise", .image_shape = {3, 32, 32}};
  for (int c = 0; c < 10; ++c) images.class_names.push_back("class " + std::to_string(c));
  uint32_t state = 1;
  for (int64_t i = 0; i < count; ++i) {
    images.labels.push_back(static_cast<int32_t>(i % 10));
    for (int64_t k = 0; k < images.image_shape.elements(); ++k) {
      state = state * 1664525u + 1013904223u;
      images.images.push_back(static_cast<uint8_t>(state >> 24));
    }
  }
  return images;
}

Result<double> MedianStep(const Graph& network, const data::Dataset& images, int64_t threads,
                          const train::QuantizationConfig& quantization = {}) {
  train::TrainConfig config;
  config.epochs = 1;
  config.batch_size = kBatch;
  config.test_limit = 1;
  config.reestimate_batches = 0;
  config.threads = threads;
  config.quantization = quantization;
  StepTimer timer;
  SIGNUM_RETURN_IF_ERROR(train::Train(
      {.network = &network, .train = &images, .test = &images, .config = config, .calibrate = true},
      timer));
  return timer.Median();
}

// Images a second of the loader alone, as training uses it.
double LoaderRate(const data::Dataset& images) {
  const auto start = std::chrono::steady_clock::now();
  int64_t count = 0;
  for (int64_t epoch = 0; epoch < 5; ++epoch) {
    data::BatchLoader loader(images, {.batch_size = kBatch,
                                      .shuffle = true,
                                      .augmentation = {.crop_padding = 4, .flip = true},
                                      .epoch = epoch});
    for (data::Batch batch; loader.Next(&batch);) count += batch.size();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return static_cast<double>(count) / taken.count();
}

Status CompareLowBit(const Graph& network, const data::Dataset& images, int64_t threads) {
  constexpr int kRounds = 3;
  const struct {
    const char* name;
    QuantizationPolicy policy;
    train::QuantizationConfig config;
  } kinds[] = {{"W1A8", {.weight_bits = 1, .activation_bits = 8}, {}},
               {"W1A1", {.weight_bits = 1, .activation_bits = 1}, {}},
               {"W4A4", {.weight_bits = 4, .activation_bits = 4}, {.weight_method = "lsq"}}};
  double floats = 1e9, low_bit[std::size(kinds)] = {1e9, 1e9, 1e9};
  for (int round = 0; round < kRounds; ++round) {
    SIGNUM_ASSIGN_OR_RETURN(const double step, MedianStep(network, images, threads));
    floats = std::min(floats, step);
    for (size_t k = 0; k < std::size(kinds); ++k) {
      SIGNUM_ASSIGN_OR_RETURN(const Graph quantized, InsertQuantizers(network, kinds[k].policy));
      SIGNUM_ASSIGN_OR_RETURN(const double taken,
                              MedianStep(quantized, images, threads, kinds[k].config));
      low_bit[k] = std::min(low_bit[k], taken);
    }
  }
  std::printf("float   %8.1f ms a step\n", floats);
  for (size_t k = 0; k < std::size(kinds); ++k) {
    std::printf("%-7s %8.1f ms, %.2f times float\n", kinds[k].name, low_bit[k],
                low_bit[k] / floats);
  }
  const double rate = LoaderRate(images), trainer = 1e3 * kBatch / floats;
  std::printf("loader  %8.0f images/s alone, %.0f times the float trainer's %.0f\n", rate,
              rate / trainer, trainer);
  return {};
}

int Run(int64_t steps, int64_t threads, bool low_bit) {
  const data::Dataset images = Noise(steps * kBatch);
  const Result<Graph> network =
      zoo::BuildZoo("resnet20", {.mean = {.5f, .5f, .5f}, .deviation = {.25f, .25f, .25f}});
  Status status;
  if (!network) {
    status = tl::unexpected(network.error());
  } else if (low_bit) {
    status = CompareLowBit(*network, images, threads);
  } else if (const auto step = MedianStep(*network, images, threads)) {
    std::printf("%.3f\n", *step);
  } else {
    status = tl::unexpected(step.error());
  }
  if (status) return 0;
  std::fprintf(stderr, "train_step_bench: %s\n", status.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace signum

int main(int argc, char** argv) {
  const bool low_bit = argc == 4 && std::string_view(argv[3]) == "low-bit";
  const int64_t steps = argc == 3 || low_bit ? std::atoll(argv[1]) : 0;
  const int64_t threads = argc == 3 || low_bit ? std::atoll(argv[2]) : 0;
  if (steps < 2 || threads < 1) {
    std::fprintf(stderr, "usage: train_step_bench STEPS THREADS [low-bit] (at least 2 and 1)\n");
    return 2;
  }
  return signum::Run(steps, threads, low_bit);
}

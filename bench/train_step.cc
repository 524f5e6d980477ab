// Times training steps of a ResNet-20 on 128 CIFAR-sized images, as `signum train`
// takes them, data loading and all, and prints the median in milliseconds.
// bench/train_step.py runs it against Python's PyTorch.
//
// usage: train_step_bench STEPS THREADS
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

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

int Run(int64_t steps, int64_t threads) {
  data::Dataset images{.name = "noise", .image_shape = {3, 32, 32}};
  for (int c = 0; c < 10; ++c) images.class_names.push_back("class " + std::to_string(c));
  uint32_t state = 1;
  for (int64_t i = 0; i < steps * kBatch; ++i) {
    images.labels.push_back(static_cast<int32_t>(i % 10));
    for (int64_t k = 0; k < images.image_shape.elements(); ++k) {
      state = state * 1664525u + 1013904223u;
      images.images.push_back(static_cast<uint8_t>(state >> 24));
    }
  }
  const Result<Graph> network =
      zoo::BuildZoo("resnet20", {.mean = {.5f, .5f, .5f}, .deviation = {.25f, .25f, .25f}});
  train::TrainConfig config;
  config.epochs = 1;
  config.batch_size = kBatch;
  config.test_limit = 1;
  config.reestimate_batches = 0;
  config.threads = threads;
  StepTimer timer;
  const auto outcome =
      network
          ? train::Train(
                {.network = &*network, .train = &images, .test = &images, .config = config}, timer)
          : tl::unexpected(network.error());
  if (!outcome) {
    std::fprintf(stderr, "train_step_bench: %s\n", outcome.error().message.c_str());
    return 1;
  }
  std::printf("%.3f\n", timer.Median());
  return 0;
}

}  // namespace
}  // namespace signum

int main(int argc, char** argv) {
  const int64_t steps = argc == 3 ? std::atoll(argv[1]) : 0;
  const int64_t threads = argc == 3 ? std::atoll(argv[2]) : 0;
  if (steps < 2 || threads < 1) {
    std::fprintf(stderr, "usage: train_step_bench STEPS THREADS (at least 2 and 1)\n");
    return 2;
  }
  return signum::Run(steps, threads);
}

// A problem that a network of two layers learns in a second.
#ifndef SIGNUM_TRAIN_TESTING_SMALL_PROBLEM_H_
#define SIGNUM_TRAIN_TESTING_SMALL_PROBLEM_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "train/trainer.h"

namespace signum::train {

// Three classes of 8x8 images: a bright top, a bright left, and a bright middle,
// in noise.
inline data::Dataset Blocks(int64_t images, uint32_t seed) {
  std::mt19937 random(seed);
  data::Dataset set{.name = "blocks", .image_shape = {1, 8, 8}, .class_names = {"a", "b", "c"}};
  for (int64_t i = 0; i < images; ++i) {
    const auto label = static_cast<int32_t>(random() % 3);
    set.labels.push_back(label);
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const bool bright = label == 0 ? y < 3 : label == 1 ? x < 3 : (x + y) % 7 == 3;
        set.images.push_back(static_cast<uint8_t>(random() % 120 + (bright ? 100 : 0)));
      }
    }
  }
  return set;
}

inline Tensor Random(Shape shape, float deviation, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(shape.elements());
  for (float& value : values) value = normal(random);
  return Tensor(shape, std::move(values));
}

// Twice convolution, batch norm, ReLU and pooling, then dropout and a linear layer; for square
// images of one channel.
inline Graph SmallNetwork(int64_t side = 8, int64_t classes = 3) {
  const int64_t features = 8 * (side / 4) * (side / 4);
  Graph g;
  const auto channels = [](float value) { return Tensor::Filled({8}, value); };
  NodeId x = g.Add("x", InputOp{{1, 1, side, side}}, {});
  x = g.Add("normalize", NormalizeOp{{0.4f}, {0.2f}}, {x});
  for (int layer = 1; layer <= 2; ++layer) {
    const std::string n = std::to_string(layer);
    const int64_t in = layer == 1 ? 1 : 8;
    x = g.Add("conv" + n,
              ConvolutionOp{.output_channels = 8,
                            .window = {.kernel = {3, 3}, .padding = Padding::All(1)},
                            .bias = false},
              {x}, {{"weight", Random({8, in, 3, 3}, 0.3f, layer)}});
    x = g.Add("bn" + n, BatchNormOp{}, {x},
              {{"weight", channels(1)},
               {"bias", channels(0)},
               {"running_mean", channels(0)},
               {"running_var", channels(1)}});
    x = g.Add("relu" + n, ActivationOp{}, {x});
    x = g.Add("pool" + n, MaxPoolOp{{.kernel = {2, 2}, .stride = {2, 2}}}, {x});
  }
  x = g.Add("flat", FlattenOp{}, {x});
  x = g.Add("dropout", DropoutOp{0.2f}, {x});
  g.Add("linear", LinearOp{.output_features = classes}, {x},
        {{"weight", Random({classes, features}, 0.1f, 9)}, {"bias", Tensor::Filled({classes}, 0)}});
  for (int64_t c = 0; c < classes; ++c) g.class_names.push_back(std::string(1, 'a' + c));
  return g;
}

inline TrainConfig SmallConfig() {
  TrainConfig config;
  config.epochs = 3;
  config.batch_size = 32;
  config.learning_rate = 0.05;
  config.crop_padding = 0;
  config.flip = false;
  config.threads = 2;
  config.reestimate_batches = 8;
  return config;
}

// The class of each image: the place of the largest of its `count` numbers.
inline std::vector<int> Classes(const std::vector<float>& outputs, size_t count = 3) {
  std::vector<int> classes;
  for (auto image = outputs.begin(); image != outputs.end(); image += count) {
    classes.push_back(static_cast<int>(std::max_element(image, image + count) - image));
  }
  return classes;
}

class SmallProblem : public ::testing::Test {
 protected:
  TrainRequest Request(const Graph& network) const {
    return {.network = &network, .train = &train_, .test = &test_, .config = SmallConfig()};
  }

  data::Dataset train_ = Blocks(640, 1), test_ = Blocks(200, 2);
  Observer silent_;
};

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_TESTING_SMALL_PROBLEM_H_

#include "train/schedule.h"

#include <gtest/gtest.h>

namespace signum::train {
namespace {

TEST(LearningRate, FollowsItsSchedules) {
  TrainConfig config;
  config.learning_rate = 1;
  const auto rate = [&](const char* schedule, int64_t step) {
    config.schedule = schedule;
    return LearningRate(config, step, 101, 10);
  };
  EXPECT_EQ(rate("constant", 77), 1);
  EXPECT_EQ(rate("multi-step", 50), 1);
  EXPECT_NEAR(rate("multi-step", 51), 0.1, 1e-12);
  EXPECT_NEAR(rate("multi-step", 80), 0.01, 1e-12);
  EXPECT_EQ(rate("cosine", 0), 1);
  EXPECT_NEAR(rate("cosine", 50), 0.5, 1e-12);
  EXPECT_NEAR(rate("cosine", 100), 0, 1e-12);
  EXPECT_NEAR(rate("one-cycle", 0), 0.04, 1e-12);
  EXPECT_NEAR(rate("one-cycle", 30), 1, 1e-12);
  EXPECT_NEAR(rate("one-cycle", 100), 4e-6, 1e-12);
  config.warmup_epochs = 1;
  EXPECT_NEAR(rate("constant", 0), 1 / 11.0, 1e-12);
  EXPECT_EQ(rate("constant", 10), 1);
}

}  // namespace
}  // namespace signum::train

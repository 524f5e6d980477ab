#include "train/guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace signum::train {
namespace {

using ::testing::HasSubstr;

TEST(CheckEpoch, StopsALayerThatIsDead) {
  EpochSigns signs{.epoch = 1, .epochs = 10, .steps = 100};
  signs.bits["conv"] = torch::cat({torch::ones({999}), -torch::ones({1})});
  signs.flip_rates["conv"] = .01;
  signs.scales["value"] = torch::full({1}, 2.f);
  signs.scales_at_start["value"] = torch::full({1}, 1.f);
  EXPECT_TRUE(CheckEpoch(signs)) << CheckEpoch(signs).error().message;
  const auto message = [](const EpochSigns& bad) {
    const Status status = CheckEpoch(bad);
    return status ? "" : status.error().message;
  };
  EpochSigns bad = signs;
  bad.bits["conv"] = torch::ones({1000});
  EXPECT_THAT(message(bad), HasSubstr("layer 'conv' is dead: all its 1000 bits are equal"));
  bad = signs;
  bad.codes["linear"] = torch::zeros({640});
  EXPECT_THAT(message(bad), HasSubstr("layer 'linear' is dead: all its 640 codes are equal"));
  bad = signs;
  bad.flip_rates["conv"] = 0;
  EXPECT_THAT(message(bad), HasSubstr("none of its 1000 bits changed"));
  bad.epoch = 9;  // where small steps may be all that is left
  EXPECT_EQ(message(bad), "");
  bad = signs;
  bad.flip_rates["conv"] = .49;
  EXPECT_THAT(message(bad), HasSubstr("as by chance"));
  bad = signs;
  bad.scales["value"] = torch::full({1}, 2000.f);
  EXPECT_THAT(message(bad), HasSubstr("the scale of 'value' left its range"));
  bad.scales["value"] = torch::full({1}, std::nanf(""));
  EXPECT_THAT(message(bad), HasSubstr("the scale of 'value' left its range"));
}

}  // namespace
}  // namespace signum::train

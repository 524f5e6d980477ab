#include "calibration/bit_allocation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace signum::calibration {
namespace {

// The best of all combinations.
double LeastDamage(const std::vector<LayerChoices>& layers, size_t from, double budget) {
  if (from == layers.size()) return budget >= 0 ? 0 : std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  for (const BitChoice& choice : layers[from].choices) {
    best = std::min(best, choice.damage + LeastDamage(layers, from + 1, budget - choice.cost));
  }
  return best;
}

std::vector<LayerChoices> Random(uint32_t seed, bool whole) {
  std::mt19937 random(seed);
  std::vector<LayerChoices> layers;
  for (int l = 0; l < 5; ++l) {
    LayerChoices layer{"layer", {}};
    for (int bits : {1, 2, 4, 8}) {
      const double cost = 1.0 + static_cast<double>(random() % 100);
      layer.choices.push_back({bits, whole ? cost : cost / 7, static_cast<double>(random() % 100)});
    }
    layers.push_back(layer);
  }
  return layers;
}

TEST(Allocate, FindsTheLeastDamageWithinTheBudget) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    const std::vector<LayerChoices> layers = Random(seed, true);
    double least = 0;
    for (const LayerChoices& layer : layers) {
      least += std::min_element(layer.choices.begin(), layer.choices.end(), [](auto& a, auto& b) {
                 return a.cost < b.cost;
               })->cost;
    }
    for (double share : {0.0, .3, .7, 2.0}) {
      const double budget = least + share * 200;
      const auto allocation = Allocate(layers, budget);
      ASSERT_TRUE(allocation) << allocation.error().message;
      EXPECT_LE(allocation->cost, budget + 1e-9);
      // Rounding up costs at most a layer's unit each.
      EXPECT_GE(allocation->damage, LeastDamage(layers, 0, budget + 1e-9));
      EXPECT_LE(allocation->damage, LeastDamage(layers, 0, budget - 5 * 200.0 / 8192));
    }
    EXPECT_FALSE(Allocate(layers, least - 1));
  }
}

TEST(TradeOff, FallsFromTheCheapestOn) {
  const std::vector<LayerChoices> layers = Random(3, false);
  const std::vector<Allocation> curve = TradeOff(layers, 20);
  ASSERT_GE(curve.size(), 3u);
  for (size_t i = 1; i < curve.size(); ++i) {
    EXPECT_LT(curve[i].damage, curve[i - 1].damage);
    EXPECT_GT(curve[i].cost, curve[i - 1].cost);
  }
}

TEST(Allocate, GivesAllThatABudgetHasRoomFor) {
  std::vector<LayerChoices> layers;
  for (int l = 1; l <= 7; ++l) {
    LayerChoices layer{"layer", {}};
    for (int bits : {1, 2, 4, 8}) layer.choices.push_back({bits, bits * 100.0 / l, 8.0 - bits});
    layers.push_back(layer);
  }
  for (const std::vector<int>& chosen :
       {Allocate(layers, 1e9)->chosen, TradeOff(layers, 10).back().chosen}) {
    EXPECT_THAT(chosen, ::testing::Each(3));
  }
}

TEST(Allocate, TakesWhatIsFree) {
  const std::vector<LayerChoices> layers = {{"a", {{1, 5, 3}, {2, 5, 1}}}};
  const auto allocation = Allocate(layers, 5);
  ASSERT_TRUE(allocation);
  EXPECT_EQ(allocation->chosen[0], 1);
  EXPECT_EQ(TradeOff(layers, 5).size(), 1u);
}

}  // namespace
}  // namespace signum::calibration

#include "calibration/bit_allocation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace signum::calibration {
namespace {

constexpr int kUnits = 8192;

double Cheapest(const LayerChoices& layer) {
  double cost = std::numeric_limits<double>::infinity();
  for (const BitChoice& choice : layer.choices) cost = std::min(cost, choice.cost);
  return cost;
}

double Costliest(const LayerChoices& layer) {
  double cost = 0;
  for (const BitChoice& choice : layer.choices) cost = std::max(cost, choice.cost);
  return cost;
}

double Sum(const std::vector<LayerChoices>& layers, double (*of)(const LayerChoices&)) {
  double sum = 0;
  for (const LayerChoices& layer : layers) sum += of(layer);
  return sum;
}

// Where every choice can be had.
Allocation LeastDamage(const std::vector<LayerChoices>& layers) {
  Allocation allocation;
  for (const LayerChoices& layer : layers) {
    size_t best = 0;
    for (size_t c = 1; c < layer.choices.size(); ++c) {
      if (layer.choices[c].damage <= layer.choices[best].damage) best = c;
    }
    allocation.chosen.push_back(static_cast<int>(best));
    allocation.cost += layer.choices[best].cost;
    allocation.damage += layer.choices[best].damage;
  }
  return allocation;
}

}  // namespace

double LeastCost(const std::vector<LayerChoices>& layers) { return Sum(layers, Cheapest); }

Result<Allocation> Allocate(const std::vector<LayerChoices>& layers, double budget) {
  const double least = LeastCost(layers);
  if (least > budget) {
    return InvalidArgument(
        fmt::format("the fewest bits take {:.6g}, above the {:.6g} that there are", least, budget));
  }
  if (budget >= Sum(layers, Costliest)) return LeastDamage(layers);
  // What is spent above the cheapest choices, in units.
  const double spare = budget - least;
  const double unit = spare / kUnits;
  const auto units = [&](const LayerChoices& layer, const BitChoice& choice) {
    const double above = choice.cost - Cheapest(layer);
    if (above <= 0) return int64_t{0};
    if (unit <= 0 || above > spare) return int64_t{kUnits} + 1;
    return static_cast<int64_t>(std::ceil(above / unit));
  };
  constexpr double kNever = std::numeric_limits<double>::infinity();
  // The least damage of the layers so far for each number of units spent at most, and the choice
  // of the last of them.
  std::vector<double> damage(kUnits + 1, 0);
  std::vector<std::vector<int>> choice_at(layers.size(), std::vector<int>(kUnits + 1));
  for (size_t l = 0; l < layers.size(); ++l) {
    std::vector<double> next(kUnits + 1, kNever);
    for (size_t c = 0; c < layers[l].choices.size(); ++c) {
      const BitChoice& choice = layers[l].choices[c];
      const int64_t taken = units(layers[l], choice);
      for (int64_t u = taken; u <= kUnits; ++u) {
        const double total = damage[u - taken] + choice.damage;
        if (total > next[u]) continue;  // of equals, the last: more bits
        next[u] = total;
        choice_at[l][u] = static_cast<int>(c);
      }
    }
    damage = std::move(next);
  }
  Allocation allocation;
  allocation.chosen.resize(layers.size());
  int64_t left = kUnits;
  for (size_t l = layers.size(); l-- > 0;) {
    const int c = choice_at[l][left];
    allocation.chosen[l] = c;
    const BitChoice& choice = layers[l].choices[c];
    allocation.cost += choice.cost;
    allocation.damage += choice.damage;
    left -= units(layers[l], choice);
  }
  return allocation;
}

std::vector<Allocation> TradeOff(const std::vector<LayerChoices>& layers, int points) {
  const double least = LeastCost(layers), most = Sum(layers, Costliest);
  std::vector<Allocation> curve;
  for (int i = 0; i < points; ++i) {
    const double budget = least + (most - least) * i / std::max(points - 1, 1);
    const auto allocation = Allocate(layers, budget);
    if (!allocation) continue;  // rounding of the first budget
    if (!curve.empty() && allocation->damage >= curve.back().damage) continue;
    curve.push_back(*allocation);
  }
  return curve;
}

}  // namespace signum::calibration

// Which layer gets how many bits under a budget: a multiple-choice knapsack. Knows numbers only.
#ifndef SIGNUM_CALIBRATION_BIT_ALLOCATION_H_
#define SIGNUM_CALIBRATION_BIT_ALLOCATION_H_

#include <string>
#include <vector>

#include "signum/result.h"

namespace signum::calibration {

// A layer at a number of bits: what it takes of the budget (bytes, milliseconds) and what it does
// to the network (a rise of the loss); both add up over layers.
struct BitChoice {
  int bits = 0;
  double cost = 0;
  double damage = 0;
};

struct LayerChoices {
  std::string layer;
  std::vector<BitChoice> choices;  // at least one
};

struct Allocation {
  std::vector<int> chosen;  // of each layer's choices
  double cost = 0, damage = 0;
};

// What the cheapest choice of each layer costs together.
double LeastCost(const std::vector<LayerChoices>& layers);

// The choices whose damage adds up to the least at a cost of `budget` at most; of equal ones a
// layer's later choice. Costs are rounded
// up to 1/8192 of what the budget leaves above the cheapest choices, so the budget holds and the
// damage is the least but for that. An error says what the cheapest choices cost, where that is
// above the budget.
Result<Allocation> Allocate(const std::vector<LayerChoices>& layers, double budget);

// Allocations for `points` budgets, evenly spaced from the cheapest choices to the costliest;
// those that cost more without less damage are left out.
std::vector<Allocation> TradeOff(const std::vector<LayerChoices>& layers, int points);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_BIT_ALLOCATION_H_

// What every op's test asks of its list of kernels, and the seeds of the tests.
#ifndef SIGNUM_KERNELS_TESTING_KERNEL_LIST_H_
#define SIGNUM_KERNELS_TESTING_KERNEL_LIST_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <span>
#include <string>

#include "kernels/kernel.h"

namespace signum::kernels {

// The generator of one test: seeded by SIGNUM_TEST_SEED, else by 1. Prints the
// seed, so that a failure can be had again.
inline std::mt19937 SeededGenerator() {
  const char* text = std::getenv("SIGNUM_TEST_SEED");
  const unsigned seed =
      text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 1;
  std::printf("SIGNUM_TEST_SEED=%u\n", seed);
  return std::mt19937(seed);
}

inline int64_t Uniform(std::mt19937& generator, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(generator);
}

// Whether a level is for integer matrix products alone, whose tests see to it that they
// have a kernel for it.
constexpr bool IsForProducts(Isa isa) { return isa == Isa::kAmx || isa == Isa::kDotprod; }

// Calls run(kernel) for every kernel that this CPU can run, the reference
// included, and fails where an instruction set of this CPU got no kernel.
template <typename Kernel, typename Run>
void ForEachRunnable(std::span<const Kernel* const> kernels, const Run& run) {
  std::set<Isa> reached;
  for (const Kernel* kernel : kernels) {
    if (kernel->isa > DetectIsa()) continue;
    SCOPED_TRACE(kernel->name);
    run(*kernel);
    reached.insert(kernel->isa);
    if (testing::Test::HasFatalFailure()) return;
  }
  for (Isa isa : SupportedIsas()) {
    if (IsForProducts(isa) && kernels.front()->isa < isa) continue;
    EXPECT_TRUE(reached.contains(isa)) << IsaName(isa) << " never ran";
  }
}

// The list is ranked and named as promised, and the selector honours its cap
// and says why it passed over what is better.
template <typename Kernel, typename Select>
void CheckListAndSelector(const std::string& op, std::span<const Kernel* const> kernels,
                          const Select& select) {
  std::set<std::string> names;
  for (size_t i = 0; i < kernels.size(); ++i) {
    EXPECT_EQ(std::string(kernels[i]->name).rfind(op + "_", 0), 0u) << kernels[i]->name;
    EXPECT_TRUE(names.insert(kernels[i]->name).second) << kernels[i]->name << " is there twice";
    if (i > 0) {
      EXPECT_LE(kernels[i]->isa, kernels[i - 1]->isa) << "not ranked best first";
    }
  }
  ASSERT_EQ(kernels.back()->name, op + "_reference");
  for (Isa cap : IsasOfThisArchitecture()) {
    const Selection<Kernel> selection = select(cap);
    ASSERT_NE(selection.kernel, nullptr);
    EXPECT_EQ(selection.kernel->isa, std::min({cap, DetectIsa(), kernels.front()->isa}));
    for (size_t i = 0; i < selection.refused.size(); ++i) {
      EXPECT_EQ(selection.refused[i].kernel, kernels[i]->name);
      const std::string needs = std::string("needs ") + IsaName(kernels[i]->isa);
      EXPECT_EQ(selection.refused[i].reason.rfind(needs, 0), 0u) << selection.refused[i].reason;
    }
    EXPECT_EQ(selection.kernel, kernels[selection.refused.size()]);
  }
}

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_TESTING_KERNEL_LIST_H_

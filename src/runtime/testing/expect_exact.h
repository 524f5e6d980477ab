// A graph of dyadic numbers must give exactly what the interpreter gives, on every
// instruction set and with more threads than one.
#ifndef SIGNUM_RUNTIME_TESTING_EXPECT_EXACT_H_
#define SIGNUM_RUNTIME_TESTING_EXPECT_EXACT_H_

#include <gtest/gtest.h>

#include <string>

#include "runtime/testing/interpreter.h"
#include "runtime/testing/random_graph.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {

// `what` tells the graph in the message of a failure.
inline void ExpectExact(RandomGraph& random, const std::string& what) {
  constexpr int64_t kBatch = 2;
  const std::vector<float> images = random.Images(kBatch);
  const std::vector<double> expected = Interpret(random.graph(), images, kBatch);
  for (Isa isa : SupportedIsas()) {
    const std::vector<float> got =
        RunGraph(random.graph(), images, kBatch, {.isa = isa, .threads = 2, .max_batch = 2});
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], expected[i]) << "element " << i << " under " << IsaName(isa) << "\n"
                                     << what;
    }
  }
}

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_EXPECT_EXACT_H_

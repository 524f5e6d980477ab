// Compiles and runs a graph in one call, for tests.
#ifndef SIGNUM_RUNTIME_TESTING_RUN_PROGRAM_H_
#define SIGNUM_RUNTIME_TESTING_RUN_PROGRAM_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/executor.h"
#include "runtime/program.h"

namespace signum::runtime {

struct RunOptions {
  Isa isa = Isa::kScalar;
  int threads = 1;
  int64_t max_batch = 1;
};

// The outputs for `images`, or nothing, and a failure of the test.
inline std::vector<float> RunGraph(const Graph& graph, const std::vector<float>& images,
                                   int64_t batch, const RunOptions& options) {
  if (Status verified = Verify(graph); !verified) {
    ADD_FAILURE() << verified.error().message;
    return {};
  }
  auto program = Compile(graph, {.isa = options.isa});
  if (!program) {
    ADD_FAILURE() << program.error().message;
    return {};
  }
  auto executor =
      Executor::Create(*program, {.threads = options.threads, .max_batch = options.max_batch});
  std::vector<float> outputs(batch * (*program)->output_shape().elements(), -12345.0f);
  const Status status = (*executor)->Run(images, batch, outputs);
  if (!status) ADD_FAILURE() << status.error().message;
  return outputs;
}

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TESTING_RUN_PROGRAM_H_

// Executor: the memory and threads of one stream of runs of a Program.
#ifndef SIGNUM_RUNTIME_EXECUTOR_H_
#define SIGNUM_RUNTIME_EXECUTOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "runtime/aligned_buffer.h"
#include "runtime/program.h"
#include "signum/result.h"

namespace signum::runtime {

struct ExecutorOptions {
  int threads = 1;        // the caller among them, 1 to kMaxThreads
  int64_t max_batch = 1;  // images per pass; memory is planned for so many
  bool profile = false;   // time every step
};

inline constexpr int kMaxThreads = 1024;

// Gets a kept value after a pass: that of `batch` images in the order of the
// program's memory, channels last (element i is of channel i % channels), codes as
// the floats that they stand for. The span lives as long as the call.
using ValueObserver =
    std::function<void(NodeId node, int64_t batch, std::span<const float> values)>;

class Executor {
 public:
  // Allocates the arena and the scratch of every thread, and starts threads.
  // kInvalidArgument for options out of range, kResourceExhausted where there is
  // no memory for so large a batch.
  static Result<std::unique_ptr<Executor>> Create(std::shared_ptr<const Program> program,
                                                  const ExecutorOptions& options);

  // images: {batch, channels, height, width} in [0, 1]; outputs: {batch, elements
  // of the output}, both row-major. More images than max_batch run in several
  // passes. Does not allocate. One caller at a time.
  Status Run(std::span<const float> images, int64_t batch, std::span<float> outputs);
  // The same; after every pass `observe` gets each of Program::kept() in order. Allocates
  // where kept values are codes.
  Status Run(std::span<const float> images, int64_t batch, std::span<float> outputs,
             const ValueObserver& observe);

  const Program& program() const { return *program_; }
  int64_t memory_bytes() const;

  // Seconds that each step has taken since the start or the last reset, in the
  // order of Program::steps(); all 0 without ExecutorOptions::profile.
  const std::vector<double>& step_seconds() const { return step_seconds_; }
  void ResetProfile();

 private:
  Executor(std::shared_ptr<const Program> program, const ExecutorOptions& options);
  void RunPass(const RunContext& context);
  void Observe(const RunContext& context, const ValueObserver& observe);

  std::shared_ptr<const Program> program_;
  ExecutorOptions options_;
  ThreadPool pool_;
  AlignedBuffer arena_;
  AlignedBuffer scratch_;
  std::vector<double> step_seconds_;
};

// Compiles `graph`, which must verify, for this CPU as capped by SIGNUM_ISA, and
// makes an executor of it. The errors of AllowedIsa, Compile and Create.
Result<std::unique_ptr<Executor>> MakeExecutor(const Graph& graph, const ExecutorOptions& options,
                                               const TacticNames& tactics = {});

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_EXECUTOR_H_

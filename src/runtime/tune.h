// Tune: measures the tactics of a network's layers on this CPU, and keeps what was found in a
// timing cache, so that it is measured once. Knows the graph through Compile only.
#ifndef SIGNUM_RUNTIME_TUNE_H_
#define SIGNUM_RUNTIME_TUNE_H_

#include <functional>
#include <string>

#include "graph/graph.h"
#include "runtime/program.h"
#include "runtime/tactics.h"
#include "signum/result.h"

namespace signum::runtime {

struct TuneOptions {
  Isa isa = Isa::kScalar;  // as CompileOptions has it
  int threads = 1;
  int64_t batch = 1;
  double seconds = 0.05;  // for each tactic that is tried, of all layers together
  // Called after each, with how many are done and how many there are in all; may be empty.
  std::function<void(int done, int total)> progress;
};

// The layers of `graph` for which another tactic than the compiler's is faster by more than
// what timings scatter. Programs are compiled and run one after the other, each with another
// tactic in every layer, and the steps of layers timed: two runs of each and more, whatever
// `seconds` says. Needs memory for a program beside the graph. The numbers that a network
// computes are the same with any. The errors of Compile and Executor::Create; throws
// std::bad_alloc as Compile does.
Result<TacticNames> Tune(const Graph& graph, const TuneOptions& options);

// The same, from `folder` where it has been found before for this CPU, instruction set, number
// of threads, batch and network (the names, sizes and kernels of its steps), else measured and
// written there: FOLDER/HASH.tactics, a text. A file that cannot be read or understood is
// measured anew; kIo where none can be written, before anything is measured or, where the disk
// is full by then, after it.
Result<TacticNames> TuneOnce(const Graph& graph, const std::string& folder,
                             const TuneOptions& options);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TUNE_H_

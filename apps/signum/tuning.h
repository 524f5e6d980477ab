// `--tune`, which verbs that run a network share: kernels and tile sizes measured once on
// this machine and remembered.
#ifndef SIGNUM_APPS_TUNING_H_
#define SIGNUM_APPS_TUNING_H_

#include <CLI/CLI.hpp>
#include <string>

#include "graph/graph.h"
#include "runtime/tune.h"
#include "signum/result.h"

namespace signum::apps {

// Declares the flag; `tune` must outlive the parsing.
void AddTuneFlag(CLI::App& command, bool& tune);

// Where timings are kept: $XDG_CACHE_HOME/signum, else ~/.cache/signum. kInvalidArgument
// where neither variable says where.
Result<std::string> TuningFolder();

// What runtime::TuneOnce finds for this CPU as capped by SIGNUM_ISA, with a progress bar on
// stderr while it measures.
Result<runtime::TacticNames> TuneHere(const Graph& graph, int threads, int64_t batch);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_TUNING_H_

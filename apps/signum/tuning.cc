#include "tuning.h"

#include <cstdio>
#include <optional>

#include "base/cpu.h"
#include "base/file.h"
#include "report/progress.h"

namespace signum::apps {

void AddTuneFlag(CLI::App& command, bool& tune) {
  command.add_flag("--tune", tune,
                   "measure which kernel and tile size is fastest for every layer, once for this "
                   "processor and network, and remember it; the results stay the same");
}

Result<std::string> TuningFolder() {
  const std::string folder = base::UserFolder("XDG_CACHE_HOME", ".cache");
  if (!folder.empty()) return folder;
  return InvalidArgument(
      "--tune has no folder for what it finds: set HOME or XDG_CACHE_HOME to one");
}

Result<runtime::TacticNames> TuneHere(const Graph& graph, int threads, int64_t batch) {
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  SIGNUM_ASSIGN_OR_RETURN(const std::string folder, TuningFolder());
  std::optional<report::ProgressBar> bar;
  const auto progress = [&](int done, int total) {
    if (!bar) bar.emplace(stderr, "tune", total, "tactics");
    bar->Update(done);
    if (done == total) bar->Finish();
  };
  return runtime::TuneOnce(graph, folder,
                           {.isa = isa, .threads = threads, .batch = batch, .progress = progress});
}

}  // namespace signum::apps

// What a public Model holds. Private to the runtime.
#ifndef SIGNUM_RUNTIME_NETWORK_H_
#define SIGNUM_RUNTIME_NETWORK_H_

#include <memory>
#include <mutex>
#include <vector>

#include "graph/graph.h"
#include "runtime/program.h"
#include "signum/model.h"

namespace signum {

struct Model::Network {
  Graph graph;
  ImageSize input;
  std::vector<int64_t> output_shape;

  // The graph compiled for `isa`; sessions share it while one of them lives.
  Result<std::shared_ptr<const runtime::Program>> ProgramFor(Isa isa) const;

 private:
  mutable std::mutex mutex_;
  mutable std::weak_ptr<const runtime::Program> program_;  // guarded by mutex_
};

}  // namespace signum

#endif  // SIGNUM_RUNTIME_NETWORK_H_

// What a public Model holds. Private to the runtime.
#ifndef SIGNUM_RUNTIME_NETWORK_H_
#define SIGNUM_RUNTIME_NETWORK_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "runtime/program.h"
#include "signum/model.h"
#include "signum/session.h"

namespace signum {

struct Model::Network {
  std::string name;
  std::vector<std::string> class_names;
  ImageSize input;
  std::vector<int64_t> output_shape;
  // Until the first session asks for the program, whose packed weights take its place.
  mutable Graph graph;

  // The program that all sessions share, compiled for `isa`, and tuned where the options say
  // so, when the first asks. Later ones must ask for the same `isa`: kInvalidArgument.
  Result<std::shared_ptr<const runtime::Program>> ProgramFor(
      Isa isa, const SessionOptions& options = {}) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_; nothing before the first session.
  mutable std::optional<Result<std::shared_ptr<const runtime::Program>>> program_;
  mutable Isa isa_ = Isa::kScalar;
};

}  // namespace signum

#endif  // SIGNUM_RUNTIME_NETWORK_H_

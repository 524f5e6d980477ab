#include "signum/session.h"

#include <new>
#include <string>
#include <utility>

#include "base/cpu.h"
#include "runtime/executor.h"
#include "runtime/network.h"
#include "runtime/tune.h"

namespace signum {

struct Session::Impl {
  std::unique_ptr<runtime::Executor> executor;
};

namespace {

// `graph` is spent, but where tuning fails, which can be mended.
Result<std::shared_ptr<const runtime::Program>> CompileFor(Graph& graph, Isa isa,
                                                           const SessionOptions& options) {
  runtime::CompileOptions compile{.isa = isa};
  if (!options.tuning_folder.empty()) {
    try {
      SIGNUM_ASSIGN_OR_RETURN(
          compile.tactics,
          runtime::TuneOnce(graph, options.tuning_folder,
                            {.isa = isa, .threads = options.threads, .batch = options.max_batch}));
    } catch (const std::bad_alloc&) {
      return Fail(ErrorCode::kResourceExhausted,
                  "no memory to measure kernels; use a smaller batch, or no tuning folder");
    }
  }
  Graph spent = std::exchange(graph, Graph());
  return runtime::Compile(std::move(spent), compile);
}

}  // namespace

Result<std::shared_ptr<const runtime::Program>> Model::Network::ProgramFor(
    Isa isa, const SessionOptions& options) const {
  const std::lock_guard lock(mutex_);
  if (!program_) {
    isa_ = isa;
    // Said before, for there may be no memory to say it with once it is true.
    Result<std::shared_ptr<const runtime::Program>> failed =
        Fail(ErrorCode::kResourceExhausted, "no memory for the packed weights of model '" + name +
                                                "'; free some and load the model again");
    try {
      auto program = CompileFor(graph, isa, options);
      if (!program && graph.size() > 0) return program;
      program_ = std::move(program);
    } catch (const std::bad_alloc&) {
      graph = Graph();
      program_ = std::move(failed);
    }
  }
  if (!*program_) {
    Error error = program_->error();  // for a Result's own copying may not throw
    return tl::unexpected<Error>(std::move(error));
  }
  if (isa != isa_) {
    return InvalidArgument(std::string("the model's first session took ") + IsaName(isa_) +
                           ", this one is to take " + IsaName(isa) +
                           "; load the model again for it");
  }
  return *program_;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::Create(const Model& model, const SessionOptions& options) try {
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  SIGNUM_ASSIGN_OR_RETURN(auto program, model.network().ProgramFor(isa, options));
  SIGNUM_ASSIGN_OR_RETURN(auto executor, runtime::Executor::Create(
                                             std::move(program), {.threads = options.threads,
                                                                  .max_batch = options.max_batch}));
  return Session(std::make_unique<Impl>(Impl{std::move(executor)}));
} catch (const std::bad_alloc&) {
  try {
    return Fail(ErrorCode::kResourceExhausted,
                "no memory for a session; free some, or use fewer threads or a smaller batch");
  } catch (const std::bad_alloc&) {
    return Fail(ErrorCode::kResourceExhausted, "out of memory");  // fits a string as it is
  }
}

Status Session::Run(std::span<const float> images, int64_t batch, std::span<float> outputs) {
  return impl_->executor->Run(images, batch, outputs);
}

}  // namespace signum

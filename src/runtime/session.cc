#include "signum/session.h"

#include <new>
#include <string>
#include <utility>

#include "base/cpu.h"
#include "runtime/executor.h"
#include "runtime/network.h"

namespace signum {

struct Session::Impl {
  std::unique_ptr<runtime::Executor> executor;
};

Result<std::shared_ptr<const runtime::Program>> Model::Network::ProgramFor(Isa isa) const {
  const std::lock_guard lock(mutex_);
  if (!program_) {
    isa_ = isa;
    try {
      program_ = runtime::Compile(std::move(graph), {.isa = isa});
    } catch (const std::bad_alloc&) {
      program_ =
          Fail(ErrorCode::kResourceExhausted, "no memory for the packed weights of model '" + name +
                                                  "'; free some and load the model again");
    }
    graph = Graph();
  }
  if (!*program_) return *program_;
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

Result<Session> Session::Create(const Model& model, const SessionOptions& options) {
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  SIGNUM_ASSIGN_OR_RETURN(auto program, model.network().ProgramFor(isa));
  SIGNUM_ASSIGN_OR_RETURN(auto executor, runtime::Executor::Create(
                                             std::move(program), {.threads = options.threads,
                                                                  .max_batch = options.max_batch}));
  return Session(std::make_unique<Impl>(Impl{std::move(executor)}));
}

Status Session::Run(std::span<const float> images, int64_t batch, std::span<float> outputs) {
  return impl_->executor->Run(images, batch, outputs);
}

}  // namespace signum

#include "runtime/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>

namespace signum::runtime {
namespace {

Status CheckOptions(const ExecutorOptions& options) {
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return InvalidArgument(
        fmt::format("{} threads; 1 to {} are possible", options.threads, kMaxThreads));
  }
  if (options.max_batch < 1) {
    return InvalidArgument(
        fmt::format("a largest batch of {}; it must be at least 1", options.max_batch));
  }
  return {};
}

}  // namespace

Executor::Executor(std::shared_ptr<const Program> program, const ExecutorOptions& options)
    : program_(std::move(program)),
      options_(options),
      pool_(options.threads),
      arena_(static_cast<size_t>(program_->arena_bytes_per_image() * options.max_batch)),
      scratch_(static_cast<size_t>(program_->scratch_bytes_per_thread() * options.threads)),
      step_seconds_(program_->steps().size()) {}

Result<std::unique_ptr<Executor>> Executor::Create(std::shared_ptr<const Program> program,
                                                   const ExecutorOptions& options) {
  SIGNUM_RETURN_IF_ERROR(CheckOptions(options));
  const auto too_large = [&] {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("no memory for {} images at a time, {} bytes each; use a smaller batch",
                            options.max_batch, program->arena_bytes_per_image()));
  };
  constexpr int64_t kMostBytes = int64_t{1} << 40;
  if (program->arena_bytes_per_image() > kMostBytes / options.max_batch) return too_large();
  try {
    return std::unique_ptr<Executor>(new Executor(program, options));
  } catch (const std::bad_alloc&) {
    return too_large();
  } catch (const std::system_error&) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("the system starts no {} threads for this process; use fewer",
                            options.threads - 1));
  }
}

int64_t Executor::memory_bytes() const {
  return static_cast<int64_t>(arena_.size() + scratch_.size());
}

void Executor::ResetProfile() { std::fill(step_seconds_.begin(), step_seconds_.end(), 0.0); }

void Executor::RunPass(const RunContext& context) {
  if (!options_.profile) {
    for (const PlannedStep& planned : program_->steps()) planned.step->Run(context);
    return;
  }
  auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < program_->steps().size(); ++i) {
    program_->steps()[i].step->Run(context);
    const auto end = std::chrono::steady_clock::now();
    step_seconds_[i] += std::chrono::duration<double>(end - start).count();
    start = end;
  }
}

void Executor::Observe(const RunContext& context, const ValueObserver& observe) {
  std::vector<float> floats;
  for (const auto& [node, value] : program_->kept()) {
    const auto elements = static_cast<size_t>(context.batch * value.elements());
    if (!value.encoding.codes) {
      observe(node, context.batch, {context.At<const float>(value), elements});
      continue;
    }
    const auto* codes = context.At<const uint8_t>(value);
    floats.resize(elements);
    std::transform(codes, codes + elements, floats.begin(),
                   [&encoding = value.encoding](uint8_t code) {
                     return encoding.scale * static_cast<float>(code - encoding.zero_point);
                   });
    observe(node, context.batch, floats);
  }
}

Status Executor::Run(std::span<const float> images, int64_t batch, std::span<float> outputs) {
  return Run(images, batch, outputs, nullptr);
}

Status Executor::Run(std::span<const float> images, int64_t batch, std::span<float> outputs,
                     const ValueObserver& observe) {
  const int64_t image_elements = program_->input_shape().elements();
  const int64_t output_elements = program_->output_shape().elements();
  if (batch < 1) return InvalidArgument(fmt::format("a batch of {} images", batch));
  // Divided, for a product could overflow.
  const auto fits = [&](size_t floats, int64_t each) {
    const auto n = static_cast<int64_t>(floats);
    return n % batch == 0 && n / batch == each;
  };
  if (!fits(images.size(), image_elements)) {
    return InvalidArgument(
        fmt::format("{} input floats for {} image(s) of {} ({} each); resize the images",
                    images.size(), batch, program_->input_shape().ToString(), image_elements));
  }
  if (!fits(outputs.size(), output_elements)) {
    return InvalidArgument(fmt::format("room for {} output floats; {} image(s) need {} each",
                                       outputs.size(), batch, output_elements));
  }
  RunContext context;
  context.arena = arena_.data();
  context.storages = program_->storages().data();
  context.max_batch = options_.max_batch;
  context.scratch = scratch_.data();
  context.scratch_bytes = program_->scratch_bytes_per_thread();
  context.pool = &pool_;
  for (int64_t first = 0; first < batch; first += options_.max_batch) {
    context.batch = std::min(options_.max_batch, batch - first);
    context.images = images.data() + first * image_elements;
    context.outputs = outputs.data() + first * output_elements;
    RunPass(context);
    if (observe) Observe(context, observe);
  }
  return {};
}

Result<std::unique_ptr<Executor>> MakeExecutor(const Graph& graph, const ExecutorOptions& options,
                                               const TacticNames& tactics) {
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, AllowedIsa());
  SIGNUM_ASSIGN_OR_RETURN(auto program, Compile(graph, {.isa = isa, .tactics = tactics}));
  return Executor::Create(std::move(program), options);
}

}  // namespace signum::runtime

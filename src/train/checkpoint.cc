#include "train/checkpoint.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "train/trainer.h"

namespace signum::train {
namespace {

constexpr int64_t kVersion = 1;

// libtorch's messages go on with a backtrace; what counts is their first line.
std::string FirstLine(const std::exception& error, size_t most) {
  const std::string what = error.what();
  return what.substr(0, std::min(what.find('\n'), most));
}

torch::Tensor GeneratorState() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  return generator.get_state();
}

}  // namespace

Status SaveCheckpoint(const std::string& path, const std::map<std::string, torch::Tensor>& state,
                      torch::optim::Optimizer& optimizer, const Position& position) {
  return base::WriteFileThrough(path, [&](const std::string& temporary) -> Status {
    try {
      torch::serialize::OutputArchive archive, weights, moments;
      archive.write("version", torch::IValue(kVersion));
      archive.write("epochs_done", torch::IValue(position.epochs_done));
      archive.write("best_accuracy", torch::IValue(position.best_accuracy));
      archive.write("best_epoch", torch::IValue(position.best_epoch));
      archive.write("generator", GeneratorState());
      int64_t index = 0;  // names hold dots, which archives do not take
      for (const auto& [name, tensor] : state) {
        weights.write(std::to_string(index++), tensor.detach());
      }
      archive.write("weights", weights);
      optimizer.save(moments);
      archive.write("optimizer", moments);
      archive.save_to(temporary);
      return {};
    } catch (const std::exception& error) {
      return IoError("cannot write the checkpoint " + path +
                     "; is the disk full or the folder read-only? (" + FirstLine(error, 200) + ")");
    }
  });
}

Result<Position> LoadCheckpoint(const std::string& path,
                                const std::map<std::string, torch::Tensor>& state,
                                torch::optim::Optimizer& optimizer) {
  if (!std::filesystem::exists(path)) {
    return NotFound(path + " does not exist: this run has no checkpoint to resume from");
  }
  const auto corrupt = [&](const std::string& reason) {
    return Corrupt(path + " is not a checkpoint of this run (" + reason +
                   "); delete it to start the run anew");
  };
  try {
    torch::serialize::InputArchive archive, weights, moments;
    // The optimizer keeps the device that its archive is loaded to.
    archive.load_from(path, state.begin()->second.device());
    torch::IValue version, epochs_done, best_accuracy, best_epoch;
    archive.read("version", version);
    if (version.toInt() != kVersion) return corrupt("another version");
    archive.read("epochs_done", epochs_done);
    archive.read("best_accuracy", best_accuracy);
    archive.read("best_epoch", best_epoch);
    torch::Tensor generator_state;
    archive.read("generator", generator_state);
    archive.read("weights", weights);
    torch::NoGradGuard no_gradients;
    int64_t index = 0;
    for (const auto& [name, tensor] : state) {
      torch::Tensor stored;
      weights.read(std::to_string(index++), stored);
      if (stored.sizes() != tensor.sizes()) return corrupt("another shape of " + name);
      torch::Tensor target = tensor;
      target.copy_(stored);
    }
    archive.read("optimizer", moments);
    optimizer.load(moments);
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    generator.set_state(generator_state.cpu());
    return Position{epochs_done.toInt(), best_accuracy.toDouble(), best_epoch.toInt()};
  } catch (const std::exception& error) {
    return corrupt(FirstLine(error, 120));
  }
}

Result<int64_t> EpochsDone(const std::string& path) {
  if (!std::filesystem::exists(path)) return 0;
  try {
    torch::serialize::InputArchive archive;
    archive.load_from(path, torch::kCPU);
    torch::IValue epochs_done;
    archive.read("epochs_done", epochs_done);
    return epochs_done.toInt();
  } catch (const std::exception& error) {
    return Corrupt(path + " is damaged; delete it to start the run anew");
  }
}

}  // namespace signum::train

#include "train/backend.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>
#include <torch/torch.h>

#include <cstring>

#include "base/cpu.h"
#include "train/trainer.h"

namespace signum::train {
namespace {

// A function of OpenBLAS, where that is what the dynamic linker found; else null.
template <typename Function>
Function* OpenBlas(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

void UseThreads(int64_t threads) {
  const int count = threads > 0 ? static_cast<int>(threads) : AvailableCores();
  at::set_num_threads(count);
  // OpenBLAS has threads of its own, as many as cores, of which libtorch does not know.
  if (auto* set = OpenBlas<void(int)>("openblas_set_num_threads")) set(count);
}

std::string BackendDescription(const TrainConfig& config) {
  UseThreads(config.threads);
  // What serves libtorch's BLAS calls is settled by the dynamic linker, so it is
  // read off the libraries that were loaded.
  std::string blas = "reference BLAS (slow: install libopenblas0-pthread)";
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        for (const char* name : {"openblas", "mkl", "blis", "atlas"}) {
          if (std::strstr(info->dlpi_name, name) != nullptr) {
            *static_cast<std::string*>(out) = name;
            return 1;
          }
        }
        return 0;
      },
      &blas);
  if (auto* kernels = OpenBlas<char*()>("openblas_get_corename")) {
    blas += fmt::format(" ({} kernels)", kernels());
  }
  return fmt::format("libtorch {}, BLAS: {}, {} threads", TORCH_VERSION, blas,
                     at::get_num_threads());
}

}  // namespace signum::train

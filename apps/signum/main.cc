// The executable `signum`. Verbs that learn live in `signum-train`, which links
// libtorch and takes long to load; this one finds it and becomes it, as git does
// with its subcommands. `quantize` is of both: it learns unless it calibrates.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "learning_verbs.h"
#include "quantize.h"
#include "verb.h"

namespace signum::apps {
namespace {

constexpr const char* kDescription =
    "Signum trains networks whose weights are 1 bit, quantizes trained ones, and runs\n"
    "them with its own integer kernels.";

// Declares nothing: stands in the list of verbs for one that `signum-train` has.
Action AddForwarded(CLI::App&) {
  return [] { return Status(); };
}

Action AddQuantize(CLI::App& command) {
  return AddQuantizeFlags(command, [](const LearnRequest&) -> Status {
    return Unsupported("retraining is signum-train's; start it as `signum quantize`");
  });
}

const std::vector<Verb>& Verbs() {
  static const std::vector<Verb> verbs = {
      {"data", "fetch datasets, tell and show what is in them",
       "signum data show fashion-mnist --image 0 -o shoe.png", AddData},
      TrainVerb(AddForwarded),
      QuantizeVerb(AddQuantize),
      {"info", "list a network's layers and what they cost", "signum info lenet-w1.sgn", AddInfo},
      {"eval", "measure a model's accuracy on test images",
       "signum eval lenet-w1.sgn --data fashion-mnist", AddEval},
      {"predict", "tell what is in a picture", "signum predict lenet-w1.sgn shoe.png", AddPredict},
      {"bench", "measure how fast a model runs", "signum bench lenet-w1.sgn", AddBench},
      {"compare", "put trained networks side by side, with their curves",
       "signum compare lenet.sgn lenet-w1.sgn", AddCompare},
      {"import", "make a model of another framework's weights",
       "signum import resnet20.pth --arch resnet20 --shortcut pad -o resnet20.sgn", AddImport},
      {"export", "write a model for other frameworks",
       "signum export lenet-w1.sgn --onnx lenet-w1.onnx", AddExport},
  };
  return verbs;
}

// Where signum-train is: beside this executable, as in a build, or in
// ../libexec/signum, as installed. Empty where it is not.
std::string FindTrainer(const std::filesystem::path& own_folder) {
  for (const std::filesystem::path& candidate :
       {own_folder / "signum-train", own_folder / "../libexec/signum/signum-train"}) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return "";
}

// Whether signum-train is to do what the command line asks for.
bool Learns(const Verb& verb, int argc, char** argv) {
  if (verb.add == AddForwarded) return true;
  return verb.add == AddQuantize && !QuantizesWithoutTraining(argc, argv);
}

// OpenBLAS, which serves libtorch's linear layers, chooses its kernels by a list of processors when
// it is loaded, and takes those of 2004 for one that is younger than it. So it is told, unless the
// user has.
void ChooseBlasKernels() {
#if defined(__x86_64__)
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512cd");
  const bool narrow = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  constexpr int kKeep = 0;
  if (wide || narrow) setenv("OPENBLAS_CORETYPE", wide ? "SkylakeX" : "Haswell", kKeep);
#endif
}

// Threads of OpenMP that wait for each other spin for milliseconds first, and where others work on
// their cores so keep away the very thread that is waited for. So they spin for microseconds,
// unless the user has said how they wait.
void WaitWithoutSpinning() {
  constexpr int kKeep = 0;
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "1000", kKeep);
}

// Becomes signum-train; returns an exit status only where that failed.
int Forward(const std::string& verb, char** argv) {
  std::error_code error;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string trainer = error ? "" : FindTrainer(own.parent_path());
  if (trainer.empty()) {
    std::fprintf(stderr,
                 "signum %s: this build has no training: there is no signum-train beside %s or in "
                 "../libexec/signum; build with SIGNUM_TRAIN=ON, which needs libtorch\n",
                 verb.c_str(), own.c_str());
    return 1;
  }
  ChooseBlasKernels();
  WaitWithoutSpinning();
  execv(trainer.c_str(), argv);
  std::fprintf(stderr, "signum %s: cannot start %s: %s\n", verb.c_str(), trainer.c_str(),
               std::strerror(errno));
  return 1;
}

}  // namespace
}  // namespace signum::apps

int main(int argc, char** argv) {
  using namespace signum::apps;
  const std::string word = argc > 1 ? argv[1] : "";
  for (const Verb& verb : Verbs()) {
    if (word == verb.name && Learns(verb, argc, argv)) return Forward(word, argv);
  }
  return RunCommandLine("signum", kDescription, Verbs(), argc, argv);
}

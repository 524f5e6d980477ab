// ONNX's own backend tests: a folder each, with a model and, as protobuf files, its
// inputs and the outputs that are right. Runs one through the importer and the runtime.
// Knows no GoogleTest: the tests and the table of docs/onnx.md both read this.
#ifndef SIGNUM_ONNX_TESTING_BACKEND_TESTS_H_
#define SIGNUM_ONNX_TESTING_BACKEND_TESTS_H_

#include <span>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "signum/result.h"

namespace signum::onnx {

struct BackendTest {
  std::string name;    // "node/conv_with_strides_padding"
  std::string folder;  // of model.onnx and test_data_set_0, test_data_set_1, ...
};

// Every test with a model that is there, sorted by name: in the folder that
// SIGNUM_ONNX_TESTS names, or where Debian's libonnx-testdata has them. None where that
// is not installed.
std::vector<BackendTest> FindBackendTests();

// From best to worst.
enum class Verdict {
  kRun,          // by the runtime, with the right result
  kFolded,       // computed by the importer from constants alone, with the right result
  kUnsupported,  // refused
  kWrong,        // another result than ONNX's, whichever way
};
// "run", "folded", ...
const char* VerdictName(Verdict verdict);

struct BackendResult {
  std::vector<std::string> operators;  // of the model, sorted, each once
  // Whether the importer knows them all; the test was not run otherwise.
  bool known = false;
  // Whether the importer makes nodes of every one, and does not only fold it.
  bool importable = false;
  Verdict verdict = Verdict::kRun;
  // Why it is kUnsupported or kWrong; of kFolded why the runtime does not run it.
  std::string reason;
  // Inputs that were a network's input in turn, by output; and why others cannot be.
  int runs = 0;
  std::vector<std::string> refusals;
};

// A network has one input, an ONNX test often several: each of them is the input once,
// while the others are constants, under every instruction set of `isas`. The test is
// kRun where that works for one, and has to give the right result for all that work.
// Right is what ONNX's own runner takes: floats within 1e-3 |right| + 1e-7, integers
// equal. With no such input the model is folded. All outputs and data sets are looked
// at, and the worst verdict counts. kCorrupt where the files are not as they should be.
Result<BackendResult> RunBackendTest(const BackendTest& test, std::span<const Isa> isas);

// Every instruction set up to what SIGNUM_ISA allows.
Result<std::vector<Isa>> IsasToTest();

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_TESTING_BACKEND_TESTS_H_

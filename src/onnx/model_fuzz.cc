// Fuzz target: the reader of ONNX models. Whatever the bytes, what comes is a graph
// that verifies, that can be written to .sgn and, where ONNX can say it, to ONNX again;
// or an error of one line.
#include "base/check.h"
#include "format/properties_fuzz.h"
#include "format/sgn_wire.h"
#include "onnx/export.h"
#include "onnx/import.h"

using signum::Result;
using signum::onnx::OnnxImport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Result<OnnxImport> imported = signum::onnx::ImportOnnx({data, size}, {});
  if (!imported) {
    // Every node that is refused is named.
    signum::format::CheckMessage(imported.error(), 65000);
    return 0;
  }
  SIGNUM_CHECK(signum::Verify(imported->graph).has_value());
  // What .sgn refuses (sums that may overflow, say) `signum import` tells its user.
  if (signum::format::CheckLimits(imported->graph)) {
    const Result<std::string> exported = signum::onnx::ExportOnnx(imported->graph, {});
    if (!exported) signum::format::CheckMessage(exported.error());
  }
  return 0;
}

// The executable `signum-train`: the verbs that learn, and with them libtorch.
// `signum` starts it; it speaks as `signum`, since that is what users type.
#include "learn.h"
#include "learning_verbs.h"
#include "quantize.h"
#include "verb.h"

namespace {

signum::apps::Action AddQuantize(CLI::App& command) {
  return signum::apps::AddQuantizeFlags(command, signum::apps::Learn);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace signum::apps;
  return RunCommandLine("signum",
                        "The verbs of Signum that learn; `signum` starts this program for them.",
                        {TrainVerb(AddTrain), QuantizeVerb(AddQuantize)}, argc, argv);
}

// The executable `signum-train`: the verbs that learn, and with them libtorch.
// `signum` starts it; it speaks as `signum`, since that is what users type.
#include "learning_verbs.h"
#include "verb.h"

int main(int argc, char** argv) {
  using namespace signum::apps;
  return RunCommandLine("signum",
                        "The verbs of Signum that learn; `signum` starts this program for them.",
                        {TrainVerb(AddTrain), QuantizeVerb(AddQuantize)}, argc, argv);
}

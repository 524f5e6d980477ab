// What `train` and `quantize` share: from arguments to a finished run.
#ifndef SIGNUM_APPS_LEARN_H_
#define SIGNUM_APPS_LEARN_H_

#include "learn_flags.h"
#include "signum/result.h"

namespace signum::apps {

// Trains, writes the run folder, checks that the runtime agrees with the trainer
// on the test images, and prints what came of it.
Status Learn(const LearnRequest& request);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_LEARN_H_

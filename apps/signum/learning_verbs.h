// The verbs that learn, as both executables list them: `signum-train` has them,
// `signum` shows them in its help and starts the other where there is something to
// learn.
#ifndef SIGNUM_APPS_LEARNING_VERBS_H_
#define SIGNUM_APPS_LEARNING_VERBS_H_

#include "verb.h"

namespace signum::apps {

using AddFunction = Action (*)(CLI::App&);

inline Verb TrainVerb(AddFunction add) {
  return {"train", "learn a network's weights from a dataset",
          "signum train lenet --data fashion-mnist -o lenet.sgn", add};
}

inline Verb QuantizeVerb(AddFunction add) {
  return {"quantize", "give a network weights of 1 bit (or a few), by retraining or by calibration",
          "signum quantize lenet.sgn --data fashion-mnist -o lenet-w1.sgn", add};
}

}  // namespace signum::apps

#endif  // SIGNUM_APPS_LEARNING_VERBS_H_

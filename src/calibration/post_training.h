// Post-training quantization: from a trained float network to one of integers,
// with images and without training.
#ifndef SIGNUM_CALIBRATION_POST_TRAINING_H_
#define SIGNUM_CALIBRATION_POST_TRAINING_H_

#include "calibration/observe.h"
#include "graph/graph.h"
#include "graph/passes/insert_quantizers.h"
#include "quant/range.h"
#include "signum/result.h"

namespace signum::calibration {

struct PostTrainingOptions {
  QuantizationPolicy policy;
  quant::RangeChoice values, weights;
  bool equalize = false;
  bool correct_biases = false;
};

// Strips `graph` of quantizers, folds its batch norms, evens out its layers
// (EqualizeLayers) where asked, inserts quantizers (InsertQuantizers), calibrates
// them, freezes the weights to codes and corrects the biases (CorrectBiases) where
// asked. `graph` must verify and so does the result. An error names what of the
// policy, the images or the network does not fit.
Result<Graph> QuantizeAfterTraining(const Graph& graph, const PostTrainingOptions& options,
                                    const Images& images);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_POST_TRAINING_H_

#include "calibration/post_training.h"

#include "calibration/biases.h"
#include "calibration/quantizers.h"
#include "graph/passes/equalize_layers.h"
#include "graph/passes/fold_batch_norm.h"
#include "quant/freeze_weights.h"

namespace signum::calibration {
Result<Graph> QuantizeAfterTraining(const Graph& graph, const PostTrainingOptions& options,
                                    const Images& images) {
  SIGNUM_RETURN_IF_ERROR(CheckImages(graph, images));
  Graph floats = FoldBatchNorm(StripQuantizers(graph));
  if (options.equalize) floats = EqualizeLayers(floats);
  SIGNUM_ASSIGN_OR_RETURN(Graph quantized, InsertQuantizers(floats, options.policy));
  SIGNUM_RETURN_IF_ERROR(CalibrateQuantizers(quantized, floats, images, options.values));
  quant::FreezeWeights(quantized, options.weights, [&](int64_t done, int64_t total) {
    if (images.progress) images.progress({"weights", done, total, "weights"});
  });
  if (options.correct_biases) {
    SIGNUM_RETURN_IF_ERROR(CorrectBiases(quantized, floats, images));
  }
  SIGNUM_RETURN_IF_ERROR(Verify(quantized));
  return quantized;
}

}  // namespace signum::calibration

// How many images a second the loader prepares, with one thread: 32x32 RGB.
#include <benchmark/benchmark.h>

#include <vector>

#include "data/loader.h"

namespace signum::data {
namespace {

Dataset MakeDataset() {
  constexpr int64_t kImages = 10000;
  Dataset dataset;
  dataset.image_shape = {3, 32, 32};
  dataset.labels.resize(kImages);
  dataset.images.resize(kImages * 3072, 100);
  dataset.class_names.resize(10);
  return dataset;
}

void Epoch(benchmark::State& state) {
  const Dataset dataset = MakeDataset();
  const bool augment = state.range(0) != 0;
  const BatchLoader::Options options = {
      .shuffle = true, .augmentation = {.crop_padding = augment ? 4 : 0, .flip = augment}};
  Batch batch;
  for (auto _ : state) {
    BatchLoader loader(dataset, options);
    while (loader.Next(&batch)) benchmark::DoNotOptimize(batch.images.data());
  }
  state.SetItemsProcessed(state.iterations() * dataset.size());
}
BENCHMARK(Epoch)->ArgName("augment")->Arg(0)->Arg(1)->UseRealTime();

}  // namespace
}  // namespace signum::data

// Batches of floats from a dataset of bytes, shuffled and augmented.
//
// Everything here is a pure function of (seed, epoch, image index), computed with
// a counter-based generator of our own: it is the same on every machine and for
// every number of threads, and a run that resumes needs nothing but the three.
#ifndef SIGNUM_DATA_LOADER_H_
#define SIGNUM_DATA_LOADER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"

namespace signum::data {

// The usual augmentation of CIFAR (K. He et al., arXiv:1512.03385, section 4.2:
// 4 pixels and flips).
struct Augmentation {
  // Pads every side by this many pixels of the colour `fill`, then crops at a
  // random place to the former size.
  int crop_padding = 0;
  // Mirrors left and right, with probability 1/2.
  bool flip = false;
  // {channels} in [0, 1]; empty is black. The mean of the data is what He et al.
  // pad with: it is 0 after normalization, and shifts no statistics.
  std::vector<float> fill;

  bool operator==(const Augmentation&) const = default;
};

// Writes {indices.size(), channels, height, width} floats to `out`: each byte
// divided by 255, so in [0, 1]. The augmentation of an image depends on (seed,
// epoch, its index) only, not on its place in the batch. Every index must be in
// [0, dataset.size()).
void FillBatch(const Dataset& dataset, std::span<const int64_t> indices,
               const Augmentation& augmentation, uint64_t seed, int64_t epoch, float* out);

// A permutation of [0, size): the order of the images in this epoch.
std::vector<int64_t> EpochOrder(int64_t size, uint64_t seed, int64_t epoch);

struct Batch {
  std::vector<float> images;    // {size, channels, height, width}
  std::vector<int64_t> labels;  // {size}

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

// The batches of one epoch, in order, prepared by a thread of its own a few
// ahead. `dataset` must outlive the loader. One thread at a time may call Next.
class BatchLoader {
 public:
  struct Options {
    int64_t batch_size = 128;  // at least 1
    bool shuffle = false;      // by EpochOrder; otherwise in the dataset's order
    bool drop_last = false;    // leave out a last batch that is not full
    Augmentation augmentation;
    uint64_t seed = 0;
    int64_t epoch = 0;
    int64_t limit = 0;  // use the first `limit` images only; 0 means all
    int prefetch = 4;   // batches prepared ahead, at least 1
  };

  BatchLoader(const Dataset& dataset, const Options& options);
  // Stops the thread, also in the middle of the epoch.
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  // Fills `batch` with the next batch and returns true, or returns false at the
  // end of the epoch. Takes over the buffers of `batch`, to fill them again.
  bool Next(Batch* batch);

  // How many batches the epoch has, and how many images they have together.
  int64_t batches() const;
  int64_t images() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace signum::data

#endif  // SIGNUM_DATA_LOADER_H_

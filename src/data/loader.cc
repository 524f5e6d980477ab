#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "base/check.h"
#include "data/random.h"

namespace signum::data {
namespace {

constexpr uint64_t kOrderStream = 1;
constexpr uint64_t kAugmentationStream = 2;

// Where the crop starts in the padded image, and whether it is mirrored.
struct Placement {
  int64_t top = 0, left = 0;  // relative to the image: negative is in the padding
  bool flip = false;
};

Placement Place(const Augmentation& augmentation, uint64_t seed, int64_t epoch, int64_t index) {
  Placement placement;
  CounterRandom random(seed, kAugmentationStream, epoch, index);
  const uint64_t places = 2 * static_cast<uint64_t>(augmentation.crop_padding) + 1;
  placement.top = static_cast<int64_t>(random.Below(places)) - augmentation.crop_padding;
  placement.left = static_cast<int64_t>(random.Below(places)) - augmentation.crop_padding;
  placement.flip = (random.Next() >> 63) != 0 && augmentation.flip;
  return placement;
}

float ToUnit(uint8_t byte) { return static_cast<float>(byte) / 255.0f; }

// Writes one {height, width} plane of the crop.
void FillPlane(const uint8_t* plane, int64_t height, int64_t width, const Placement& at, float fill,
               float* out) {
  const int64_t first = std::clamp<int64_t>(-at.left, 0, width);
  const int64_t last = std::clamp<int64_t>(width - at.left, first, width);
  for (int64_t y = 0; y < height; ++y, out += width) {
    const int64_t from_y = y + at.top;
    if (from_y < 0 || from_y >= height) {
      std::fill(out, out + width, fill);
      continue;
    }
    const uint8_t* row = plane + from_y * width;
    if (at.flip) {
      std::fill(out, out + (width - last), fill);
      for (int64_t x = first; x < last; ++x) out[width - 1 - x] = ToUnit(row[x + at.left]);
      std::fill(out + (width - first), out + width, fill);
    } else {
      std::fill(out, out + first, fill);
      for (int64_t x = first; x < last; ++x) out[x] = ToUnit(row[x + at.left]);
      std::fill(out + last, out + width, fill);
    }
  }
}

}  // namespace

void FillBatch(const Dataset& dataset, std::span<const int64_t> indices,
               const Augmentation& augmentation, uint64_t seed, int64_t epoch, float* out) {
  SIGNUM_CHECK(augmentation.crop_padding >= 0);
  const int64_t channels = dataset.image_shape[0];
  const int64_t height = dataset.image_shape[1];
  const int64_t width = dataset.image_shape[2];
  const int64_t area = height * width;
  SIGNUM_CHECK(augmentation.fill.empty() ||
               static_cast<int64_t>(augmentation.fill.size()) == channels);
  const bool augment = augmentation.crop_padding > 0 || augmentation.flip;
  for (const int64_t index : indices) {
    SIGNUM_CHECK(index >= 0 && index < dataset.size());
    const uint8_t* image = dataset.image(index).data();
    if (augment) {
      const Placement at = Place(augmentation, seed, epoch, index);
      for (int64_t c = 0; c < channels; ++c) {
        const float fill = augmentation.fill.empty() ? 0.0f : augmentation.fill[c];
        FillPlane(image + c * area, height, width, at, fill, out + c * area);
      }
    } else {
      std::transform(image, image + channels * area, out, ToUnit);
    }
    out += channels * area;
  }
}

std::vector<int64_t> EpochOrder(int64_t size, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), int64_t{0});
  // R. Fisher and F. Yates's shuffle.
  CounterRandom random(seed, kOrderStream, epoch, 0);
  for (uint64_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  return order;
}

struct BatchLoader::State {
  const Dataset& dataset;
  const Options options;
  std::vector<int64_t> order;  // the images of the epoch, in their order
  int64_t batches = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> ready;      // guarded by mutex
  std::vector<Batch> recycled;  // guarded by mutex; buffers that Next took back
  int64_t handed_out = 0;       // guarded by mutex
  bool stopping = false;        // guarded by mutex
  std::thread worker;

  State(const Dataset& d, const Options& o) : dataset(d), options(o) {}

  std::span<const int64_t> Indices(int64_t batch) const {
    const int64_t begin = batch * options.batch_size;
    const int64_t end = std::min(begin + options.batch_size, static_cast<int64_t>(order.size()));
    return std::span(order).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  }

  void Fill(int64_t index, Batch* batch) const {
    const std::span<const int64_t> indices = Indices(index);
    const size_t elements = static_cast<size_t>(dataset.image_shape.elements());
    batch->images.resize(indices.size() * elements);
    batch->labels.resize(indices.size());
    for (size_t i = 0; i < indices.size(); ++i) {
      batch->labels[i] = dataset.labels[static_cast<size_t>(indices[i])];
    }
    FillBatch(dataset, indices, options.augmentation, options.seed, options.epoch,
              batch->images.data());
  }

  void Work() {
    for (int64_t index = 0; index < batches; ++index) {
      Batch batch;
      {
        std::unique_lock lock(mutex);
        changed.wait(
            lock, [&] { return stopping || ready.size() < static_cast<size_t>(options.prefetch); });
        if (stopping) return;
        if (!recycled.empty()) {
          batch = std::move(recycled.back());
          recycled.pop_back();
        }
      }
      Fill(index, &batch);
      {
        std::lock_guard lock(mutex);
        ready.push_back(std::move(batch));
      }
      changed.notify_all();
    }
  }
};

BatchLoader::BatchLoader(const Dataset& dataset, const Options& options)
    : state_(std::make_unique<State>(dataset, options)) {
  SIGNUM_CHECK(options.batch_size >= 1 && options.prefetch >= 1 && options.limit >= 0);
  const int64_t size =
      options.limit == 0 ? dataset.size() : std::min(options.limit, dataset.size());
  if (options.shuffle) {
    state_->order = EpochOrder(size, options.seed, options.epoch);
  } else {
    state_->order.resize(static_cast<size_t>(size));
    std::iota(state_->order.begin(), state_->order.end(), int64_t{0});
  }
  if (options.drop_last) {
    state_->order.resize(static_cast<size_t>(size - size % options.batch_size));
  }
  const int64_t images = static_cast<int64_t>(state_->order.size());
  state_->batches = images / options.batch_size + (images % options.batch_size != 0 ? 1 : 0);
  state_->worker = std::thread([state = state_.get()] { state->Work(); });
}

BatchLoader::~BatchLoader() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  state_->worker.join();
}

bool BatchLoader::Next(Batch* batch) {
  {
    std::unique_lock lock(state_->mutex);
    if (state_->handed_out == state_->batches) return false;
    state_->changed.wait(lock, [&] { return !state_->ready.empty(); });
    ++state_->handed_out;
    std::swap(*batch, state_->ready.front());
    state_->recycled.push_back(std::move(state_->ready.front()));
    state_->ready.pop_front();
  }
  state_->changed.notify_all();
  return true;
}

int64_t BatchLoader::batches() const { return state_->batches; }

int64_t BatchLoader::images() const { return static_cast<int64_t>(state_->order.size()); }

}  // namespace signum::data

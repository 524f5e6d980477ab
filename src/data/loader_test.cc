#include "data/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "data/random.h"

namespace signum::data {
namespace {

// `size` images {2, height, width}; a pixel tells its image, channel and place.
Dataset MakeDataset(int64_t size, int64_t height = 5, int64_t width = 7) {
  Dataset dataset;
  dataset.image_shape = {2, height, width};
  for (int64_t i = 0; i < size; ++i) {
    dataset.labels.push_back(static_cast<int32_t>(i % 10));
    for (int64_t p = 0; p < 2 * height * width; ++p) {
      dataset.images.push_back(static_cast<uint8_t>(1 + (i * 31 + p * 3) % 255));
    }
  }
  dataset.class_names.resize(10);
  return dataset;
}

std::vector<float> Fill(const Dataset& dataset, const std::vector<int64_t>& indices,
                        const Augmentation& augmentation, uint64_t seed, int64_t epoch) {
  std::vector<float> out(indices.size() * static_cast<size_t>(dataset.image_shape.elements()),
                         -1.0f);
  FillBatch(dataset, indices, augmentation, seed, epoch, out.data());
  return out;
}

TEST(FillBatch, ScalesBytesWithoutAugmentation) {
  const Dataset dataset = MakeDataset(3);
  const std::vector<float> out = Fill(dataset, {2, 0}, {}, 1, 1);
  for (size_t i = 0; i < 70; ++i) {
    EXPECT_EQ(out[i], static_cast<float>(dataset.image(2)[i]) / 255.0f);
    EXPECT_EQ(out[70 + i], static_cast<float>(dataset.image(0)[i]) / 255.0f);
  }
  Dataset ends = MakeDataset(1);
  ends.images[0] = 0;
  ends.images[1] = 255;
  EXPECT_EQ(Fill(ends, {0}, {}, 0, 0)[0], 0.0f);
  EXPECT_EQ(Fill(ends, {0}, {}, 0, 0)[1], 1.0f);
}

// Finds the crop and flip that make `out` of the image, by trying all of them.
std::vector<std::array<int64_t, 3>> Explain(const Dataset& dataset, int64_t index, const float* out,
                                            int64_t padding) {
  const int64_t channels = dataset.image_shape[0], height = dataset.image_shape[1],
                width = dataset.image_shape[2];
  std::vector<std::array<int64_t, 3>> found;
  for (int64_t top = -padding; top <= padding; ++top) {
    for (int64_t left = -padding; left <= padding; ++left) {
      for (int64_t flip = 0; flip < 2; ++flip) {
        bool same = true;
        for (int64_t p = 0; p < channels * height * width && same; ++p) {
          const int64_t c = p / (height * width), y = p / width % height, x = p % width;
          const int64_t from_y = y + top, from_x = (flip != 0 ? width - 1 - x : x) + left;
          const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
          const size_t at = static_cast<size_t>((c * height + from_y) * width + from_x);
          const float want = inside ? static_cast<float>(dataset.image(index)[at]) / 255.0f : 0.0f;
          same = out[p] == want;
        }
        if (same) found.push_back({top, left, flip});
      }
    }
  }
  return found;
}

TEST(FillBatch, AugmentationsAreCropsAndFlipsAllEquallyLikely) {
  const Dataset dataset = MakeDataset(2000);
  std::vector<int64_t> indices(2000);
  std::iota(indices.begin(), indices.end(), 0);
  const std::vector<float> out = Fill(dataset, indices, {.crop_padding = 2, .flip = true}, 7, 3);
  std::map<std::array<int64_t, 3>, int> counts;
  for (int64_t i = 0; i < 2000; ++i) {
    const auto ways = Explain(dataset, i, out.data() + i * 70, 2);
    ASSERT_EQ(ways.size(), 1u) << i;
    ++counts[ways[0]];
  }
  EXPECT_EQ(counts.size(), 50u);
  for (const auto& [way, count] : counts) {
    EXPECT_GT(count, 15) << way[0] << "," << way[1] << "," << way[2];  // 40 expected, deviation 6
    EXPECT_LT(count, 70) << way[0] << "," << way[1] << "," << way[2];
  }
}

TEST(FillBatch, PaddingWiderThanTheImageIsBlackOrImage) {
  const Dataset dataset = MakeDataset(200, 3, 2);
  std::vector<int64_t> indices(200);
  std::iota(indices.begin(), indices.end(), 0);
  for (const bool flip : {false, true}) {
    const auto out = Fill(dataset, indices, {.crop_padding = 6, .flip = flip}, 7, 3);
    for (int64_t i = 0; i < 200; ++i) {
      EXPECT_GE(Explain(dataset, i, out.data() + i * 12, 6).size(), 1u);
    }
  }
}

TEST(FillBatch, DependsOnSeedEpochAndImageOnly) {
  const Dataset dataset = MakeDataset(50);
  const Augmentation augmentation = {.crop_padding = 2, .flip = true};
  std::vector<int64_t> all(50);
  std::iota(all.begin(), all.end(), 0);
  const auto together = Fill(dataset, all, augmentation, 5, 9);
  for (const int64_t i : {0, 17, 49}) {
    const auto alone = Fill(dataset, {i}, augmentation, 5, 9);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + i * 70));
  }
  EXPECT_NE(together, Fill(dataset, all, augmentation, 6, 9));
  EXPECT_NE(together, Fill(dataset, all, augmentation, 5, 10));
}

TEST(EpochOrder, IsAPermutationOfItsOwnForEverySeedAndEpoch) {
  std::set<std::vector<int64_t>> orders;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<int64_t> order = EpochOrder(1000, seed, epoch);
      orders.insert(order);
      std::sort(order.begin(), order.end());
      for (int64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
    }
  }
  EXPECT_EQ(orders.size(), 9u);
  EXPECT_TRUE(EpochOrder(0, 1, 1).empty());
  EXPECT_THAT(EpochOrder(1, 1, 1), ::testing::ElementsAre(0));
}

// A checkpoint resumes on another machine only if these never change.
TEST(EpochOrder, IsTheSameOnEveryMachine) {
  EXPECT_THAT(EpochOrder(10, 42, 3), ::testing::ElementsAre(2, 4, 8, 9, 5, 7, 1, 3, 6, 0));
  CounterRandom random(1, 2, 3, 4);
  EXPECT_EQ(random.Next(), 5958697959941899925u);
}

TEST(EpochOrder, PutsEveryImageEverywhere) {
  std::vector<int> first(10);
  for (int64_t epoch = 0; epoch < 10000; ++epoch)
    ++first[static_cast<size_t>(EpochOrder(10, 1, epoch)[0])];
  for (const int count : first) EXPECT_NEAR(count, 1000, 150);  // deviation 30
}

// All batches of an epoch.
std::vector<Batch> Collect(const Dataset& dataset, const BatchLoader::Options& options) {
  BatchLoader loader(dataset, options);
  std::vector<Batch> batches;
  Batch batch;
  while (loader.Next(&batch)) batches.push_back(batch);
  EXPECT_FALSE(loader.Next(&batch));
  EXPECT_EQ(static_cast<int64_t>(batches.size()), loader.batches());
  int64_t images = 0;
  for (const Batch& each : batches) images += each.size();
  EXPECT_EQ(images, loader.images());
  return batches;
}

TEST(BatchLoader, GivesEveryImageOnceInOrder) {
  const Dataset dataset = MakeDataset(10);
  const auto batches = Collect(dataset, {.batch_size = 4});
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[2].size(), 2);
  EXPECT_EQ(batches[2].images.size(), 140u);
  EXPECT_EQ(batches[2].images, Fill(dataset, {8, 9}, {}, 0, 0));
  EXPECT_THAT(batches[1].labels, ::testing::ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(Collect(dataset, {.batch_size = 4, .drop_last = true}).size(), 2u);
  EXPECT_EQ(Collect(dataset, {.batch_size = 5, .drop_last = true}).size(), 2u);
  EXPECT_EQ(Collect(dataset, {.batch_size = 11, .drop_last = true}).size(), 0u);
  EXPECT_EQ(Collect(dataset, {.batch_size = 4, .limit = 5}).back().size(), 1);
  EXPECT_EQ(Collect(dataset, {.batch_size = 4, .limit = 50}).size(), 3u);
  EXPECT_EQ(Collect(MakeDataset(0), {.batch_size = 4}).size(), 0u);
}

TEST(BatchLoader, ShufflesAndAugmentsAsTheFunctionsDo) {
  const Dataset dataset = MakeDataset(23);
  const Augmentation augmentation = {.crop_padding = 1, .flip = true};
  const auto batches = Collect(dataset, {.batch_size = 8,
                                         .shuffle = true,
                                         .augmentation = augmentation,
                                         .seed = 3,
                                         .epoch = 2,
                                         .limit = 20,
                                         .prefetch = 1});
  const std::vector<int64_t> order = EpochOrder(20, 3, 2);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[1].images,
            Fill(dataset, {order.begin() + 8, order.begin() + 16}, augmentation, 3, 2));
  EXPECT_EQ(batches[1].labels[0], dataset.labels[static_cast<size_t>(order[8])]);
}

TEST(BatchLoader, StopsInTheMiddle) {
  const Dataset dataset = MakeDataset(1000);
  for (int taken = 0; taken < 4; ++taken) {
    BatchLoader loader(dataset, {.batch_size = 10, .prefetch = 2});
    Batch batch;
    for (int i = 0; i < taken; ++i) EXPECT_TRUE(loader.Next(&batch));
  }
}

}  // namespace
}  // namespace signum::data

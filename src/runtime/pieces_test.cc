// Every sum of a layer is in one piece, and no piece is larger than asked for.
#include "runtime/pieces.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "kernels/testing/kernel_list.h"

namespace signum::runtime {
namespace {

using kernels::Uniform;

TEST(Pieces, CoverEverySumOnce) {
  std::mt19937 random = kernels::SeededGenerator();
  for (int i = 0; i < 500; ++i) {
    const PieceSizes sizes = {.images = Uniform(random, 1, 3),
                              .lines = Uniform(random, 1, 9),
                              .pixels = Uniform(random, 1, 40),
                              .groups = Uniform(random, 1, 3),
                              .columns = Uniform(random, 1, 70),
                              .depth = Uniform(random, 1, i % 2 == 0 ? 9 : 100000),
                              .most_rows = Uniform(random, 1, 12) * 8,
                              .row_multiple = i % 3 == 0 ? 8 : 1,
                              .column_multiple = 16};
    const Pieces pieces(sizes, static_cast<int>(Uniform(random, 1, 9)));
    std::set<std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>> seen;
    for (int64_t index = 0; index < pieces.count(); ++index) {
      const Piece piece = pieces.at(index);
      ASSERT_LE(piece.lines * piece.pixels, std::max(sizes.most_rows, int64_t{1}));
      ASSERT_EQ(piece.column % sizes.column_multiple, 0);
      ASSERT_TRUE(piece.lines == 1 || piece.pixels == sizes.pixels);
      for (int64_t y = 0; y < piece.lines; ++y) {
        for (int64_t x = 0; x < piece.pixels; ++x) {
          for (int64_t c = 0; c < piece.columns; ++c) {
            ASSERT_TRUE(seen.emplace(piece.image, piece.line + y, piece.pixel + x, piece.group,
                                     piece.column + c)
                            .second);
          }
        }
      }
    }
    ASSERT_EQ(static_cast<int64_t>(seen.size()),
              sizes.images * sizes.lines * sizes.pixels * sizes.groups * sizes.columns);
    for (const auto& [image, line, pixel, group, column] : seen) {
      ASSERT_TRUE(image < sizes.images && line < sizes.lines && pixel < sizes.pixels &&
                  group < sizes.groups && column < sizes.columns);
    }
  }
}

TEST(Pieces, AreAtLeastAsManyAsThreadsWhereThereIsWork) {
  const PieceSizes fully_connected = {
      .columns = 4096, .depth = 4096, .most_rows = 96, .column_multiple = 16};
  EXPECT_EQ(Pieces(fully_connected, 1).count(), 1);
  EXPECT_GE(Pieces(fully_connected, 4).count(), 4);
  const PieceSizes small = {.columns = 10, .depth = 64, .most_rows = 96, .column_multiple = 16};
  EXPECT_EQ(Pieces(small, 4).count(), 1);
}

}  // namespace
}  // namespace signum::runtime

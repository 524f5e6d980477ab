#include "data/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "data/canvas.h"
#include "data/sample_grid.h"
#include "data/semantics.h"
#include "data/test_files.h"

namespace signum::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace testing;  // NOLINT: the room's own test files

Image Gradient(int64_t channels, int64_t height, int64_t width) {
  Image image = MakeImage(channels, height, width);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(i * 37 + i / 7);
  }
  return image;
}

// A JPEG of 8x8 pixels, red above and blue below, quality 95; as Pillow writes it.
constexpr std::array<uint8_t, 316> kJpeg = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01,
    0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x02, 0x01, 0x01, 0x01, 0x01, 0x01, 0x02,
    0x01, 0x01, 0x01, 0x02, 0x02, 0x02, 0x02, 0x02, 0x04, 0x03, 0x02, 0x02, 0x02, 0x02, 0x05, 0x04,
    0x04, 0x03, 0x04, 0x06, 0x05, 0x06, 0x06, 0x06, 0x05, 0x06, 0x06, 0x06, 0x07, 0x09, 0x08, 0x06,
    0x07, 0x09, 0x07, 0x06, 0x06, 0x08, 0x0b, 0x08, 0x09, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x06, 0x08,
    0x0b, 0x0c, 0x0b, 0x0a, 0x0c, 0x09, 0x0a, 0x0a, 0x0a, 0xff, 0xdb, 0x00, 0x43, 0x01, 0x02, 0x02,
    0x02, 0x02, 0x02, 0x02, 0x05, 0x03, 0x03, 0x05, 0x0a, 0x07, 0x06, 0x07, 0x0a, 0x0a, 0x0a, 0x0a,
    0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
    0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
    0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0xff, 0xc0,
    0x00, 0x11, 0x08, 0x00, 0x08, 0x00, 0x08, 0x03, 0x01, 0x22, 0x00, 0x02, 0x11, 0x01, 0x03, 0x11,
    0x01, 0xff, 0xc4, 0x00, 0x15, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x09, 0xff, 0xc4, 0x00, 0x18, 0x10, 0x01, 0x00, 0x03,
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x18, 0x66,
    0xa5, 0xe3, 0xff, 0xc4, 0x00, 0x15, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x07, 0x09, 0xff, 0xc4, 0x00, 0x1a, 0x11, 0x00, 0x00,
    0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04,
    0x08, 0x18, 0x55, 0xa4, 0xd4, 0xff, 0xda, 0x00, 0x0c, 0x03, 0x01, 0x00, 0x02, 0x11, 0x03, 0x11,
    0x00, 0x3f, 0x00, 0x9a, 0x32, 0xaa, 0x87, 0xa9, 0xc8, 0x05, 0x52, 0x64, 0xa9, 0x8a, 0x02, 0xd1,
    0xdd, 0x21, 0x01, 0xdf, 0x28, 0x99, 0xba, 0xc5, 0x33, 0x8f, 0xff, 0xd9};

TEST(Image, PngComesBack) {
  for (const int channels : {1, 3}) {
    const Image image = Gradient(channels, 13, 9);
    const auto decoded = DecodeImage(EncodePng(image), channels, "x");
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->shape, image.shape);
    EXPECT_EQ(decoded->pixels, image.pixels);
  }
}

TEST(Image, ReadsJpeg) {
  const auto image = DecodeImage(kJpeg, 3, "x");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->shape, (Shape{3, 8, 8}));
  EXPECT_GT(image->pixels[0], 200);            // red of the first row
  EXPECT_LT(image->pixels[63], 60);            // red of the last
  EXPECT_GT(image->pixels[2 * 64 + 63], 200);  // blue of the last
}

TEST(Image, ConvertsChannels) {
  const Image rgb{{3, 1, 3}, {255, 0, 0, 0, 255, 0, 0, 0, 255}};
  EXPECT_THAT(ConvertChannels(rgb, 1).pixels, ::testing::ElementsAre(76, 150, 29));
  const Image gray{{1, 1, 2}, {5, 250}};
  EXPECT_THAT(ConvertChannels(gray, 3).pixels, ::testing::ElementsAre(5, 250, 5, 250, 5, 250));
  EXPECT_EQ(ConvertChannels(ConvertChannels(gray, 3), 1).pixels, gray.pixels);
  EXPECT_EQ(DecodeImage(EncodePng(rgb), 1, "x")->pixels, ConvertChannels(rgb, 1).pixels);
}

TEST(Image, ResizingKeepsWhatIsFlatAndAveragesDetail) {
  for (const auto& [height, width] : {std::pair{3, 5}, {40, 31}, {1, 1}, {16, 16}}) {
    const Image resized = ResizeImage(MakeImage(3, 16, 16, 90), height, width);
    EXPECT_EQ(resized.shape, (Shape{3, height, width}));
    EXPECT_THAT(resized.pixels, ::testing::Each(90));
  }
  Image board = MakeImage(1, 64, 64);
  for (size_t i = 0; i < board.pixels.size(); ++i) board.pixels[i] = (i + i / 64) % 2 ? 255 : 0;
  for (const uint8_t pixel : ResizeImage(board, 8, 8).pixels) EXPECT_NEAR(pixel, 128, 8);
}

TEST(Image, RefusesEveryCutAndEveryFlippedBitOfAPng) {
  const std::vector<uint8_t> png = EncodePng(Gradient(3, 6, 5));
  for (size_t size = 0; size < png.size(); ++size) {
    EXPECT_FALSE(DecodeImage(std::span(png).first(size), 3, "x")) << size;
  }
  for (size_t at = 0; at < png.size(); ++at) {
    std::vector<uint8_t> changed = png;
    changed[at] ^= 4;
    EXPECT_FALSE(DecodeImage(changed, 3, "x")) << at;
  }
}

TEST(Image, RefusesEveryCutOfAJpegAndSurvivesEveryChange) {
  for (size_t size = 0; size < kJpeg.size(); ++size) {
    EXPECT_FALSE(DecodeImage(std::span(kJpeg).first(size), 3, "x")) << size;
  }
  for (size_t at = 0; at < kJpeg.size(); ++at) {
    for (const int value : {0, 1, 127, 255}) {
      std::vector<uint8_t> changed(kJpeg.begin(), kJpeg.end());
      changed[at] = static_cast<uint8_t>(value);
      (void)DecodeImage(changed, 3, "x");
    }
  }
}

TEST(Image, RefusesJpegTablesThatAreTooLarge) {
  std::vector<uint8_t> jpeg(kJpeg.begin(), kJpeg.end());
  const std::array<uint8_t, 2> mark = {0xff, 0xc4};
  const auto tables = std::search(jpeg.begin(), jpeg.end(), mark.begin(), mark.end());
  ASSERT_NE(tables, jpeg.end());
  tables[5] = 255;  // codes of one bit
  tables[6] = 255;  // codes of two
  const auto decoded = DecodeImage(jpeg, 3, "x");
  ASSERT_FALSE(decoded);
  EXPECT_THAT(decoded.error().message, HasSubstr("its tables are broken"));
}

void AppendPngChunk(const std::string& type, const std::string& contents, std::string* png) {
  const std::string body = type + contents;
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  *png += BigEndian(static_cast<uint32_t>(contents.size())) + body +
          BigEndian(static_cast<uint32_t>(crc));
}

// A PNG with the given size in its header and `data` as its compressed data.
std::string Png(uint32_t width, uint32_t height, const std::string& data) {
  std::string compressed(compressBound(data.size()), '\0');
  uLongf size = compressed.size();
  compress(reinterpret_cast<Bytef*>(compressed.data()), &size,
           reinterpret_cast<const Bytef*>(data.data()), data.size());
  compressed.resize(size);
  std::string png = "\x89PNG\r\n\x1a\n";
  AppendPngChunk("IHDR", BigEndian(width) + BigEndian(height) + std::string("\x08\0\0\0\0", 5),
                 &png);
  AppendPngChunk("IDAT", compressed, &png);
  AppendPngChunk("IEND", "", &png);
  return png;
}

TEST(Image, RefusesBombs) {
  const auto message = [](const std::string& png) {
    const auto decoded = DecodeImage(Bytes(png), 1, "bomb.png");
    return decoded ? "" : decoded.error().message;
  };
  EXPECT_EQ(message(Png(4, 4, std::string(20, '\0'))), "");
  EXPECT_THAT(message(Png(4, 4, std::string(64 << 20, '\0'))), HasSubstr("does not decompress"));
  EXPECT_THAT(message(Png(4, 4, std::string(19, '\0'))), HasSubstr("bomb.png"));
  EXPECT_THAT(message(Png(60000, 60000, "")), AllOf(HasSubstr("60000x60000"), HasSubstr("shrink")));
  EXPECT_THAT(message(Png(0x7fffffff, 1, "")), HasSubstr("bomb.png"));
  EXPECT_THAT(message(Png(0, 4, "")), HasSubstr("bomb.png"));
}

TEST(Image, FileErrorsNameTheFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(ReadImage(folder / "none.png", 3).error().code, ErrorCode::kNotFound);
  Write(folder / "text.png", "hello");
  EXPECT_THAT(ReadImage(folder / "text.png", 3).error().message,
              AllOf(HasSubstr("text.png"), HasSubstr("neither a PNG nor a JPEG")));
  Write(folder / "empty.png", "");
  EXPECT_FALSE(ReadImage(folder / "empty.png", 3));
  EXPECT_FALSE(ReadImage(folder.string(), 3));
}

TEST(Canvas, TextHasTheSizeItSays) {
  const std::string text = "airplane gy";
  const int64_t width = TextWidth(text, 2);
  Image image = MakeImage(3, 2 * TextHeight(2), width + 10, 255);
  DrawText(&image, 3, 0, text, 2, kBlack);
  int64_t left = image.width(), right = 0, bottom = 0;
  for (int64_t i = 0; i < image.height() * image.width(); ++i) {
    if (image.pixels[static_cast<size_t>(i)] == 255) continue;
    left = std::min(left, i % image.width());
    right = std::max(right, i % image.width());
    bottom = std::max(bottom, i / image.width());
  }
  EXPECT_GE(left, 3);
  EXPECT_EQ(right, 3 + width - 1);
  EXPECT_LT(bottom, TextHeight(2));
  // Out of the image on every side: nothing happens.
  DrawText(&image, -5, -5, text, 3, kBlack);
  DrawTextUpwards(&image, image.width() - 2, -20, "\xff\n", 3, kBlack);
}

TEST(SampleGrid, DrawsEveryTile) {
  Dataset dataset;
  dataset.image_shape = {1, 28, 28};
  dataset.class_names = {"one", "two"};
  for (int i = 0; i < 7; ++i) {
    dataset.labels.push_back(i % 2);
    dataset.images.insert(dataset.images.end(), 28 * 28, static_cast<uint8_t>(100 + i));
  }
  const std::vector<int64_t> indices = {6, 5, 4, 3, 2, 1, 0};
  const Image grid = DrawSamples(dataset, indices);
  std::vector<int64_t> counts(256);
  for (int64_t i = 0; i < grid.height() * grid.width(); ++i) {
    ++counts[grid.pixels[static_cast<size_t>(i)]];
  }
  for (size_t i = 100; i < 107; ++i) EXPECT_EQ(counts[i], 112 * 112) << i;
  EXPECT_GT(counts[0], 100);  // the text
  EXPECT_GT(DrawSamples(dataset, std::span(indices).first(1)).width(), 100);
}

TEST(Semantics, SimilarityIsWuAndPalmers) {
  const SemanticNetwork network = Cifar10Semantics();
  const auto similarity = WuPalmerSimilarity(network);
  ASSERT_EQ(similarity.size(), 10u);
  enum { kAirplane, kAutomobile, kBird, kCat, kDeer, kDog, kFrog, kHorse, kShip, kTruck };
  EXPECT_EQ(network.class_name(kHorse), "horse");
  EXPECT_DOUBLE_EQ(similarity[kCat][kDog], 2.0 * 4 / (5 + 5));
  EXPECT_DOUBLE_EQ(similarity[kCat][kHorse], 2.0 * 3 / (5 + 5));
  EXPECT_DOUBLE_EQ(similarity[kBird][kFrog], 2.0 * 2 / (3 + 4));
  EXPECT_DOUBLE_EQ(similarity[kAutomobile][kTruck], 2.0 * 3 / (4 + 4));
  EXPECT_DOUBLE_EQ(similarity[kShip][kCat], 2.0 * 1 / (4 + 5));
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(similarity[i][i], 1.0);
    for (size_t j = 0; j < 10; ++j) EXPECT_EQ(similarity[i][j], similarity[j][i]);
  }
  const BranchSimilarity branches = CompareBranches(network);
  EXPECT_GT(branches.within, 2 * branches.between);
}

TEST(Semantics, IsRendered) {
  const SemanticNetwork network = Cifar10Semantics();
  EXPECT_THAT(SemanticTree(network), HasSubstr("│   │   └── truck\n"));
  EXPECT_THAT(SimilarityTable(network), HasSubstr("0.80"));
  EXPECT_THAT(SemanticJson(network), HasSubstr("\"measure\": \"Wu and Palmer 1994"));
  const auto heat_map = DecodeImage(EncodePng(SimilarityHeatMap(network)), 3, "heat map");
  ASSERT_TRUE(heat_map);
  EXPECT_GT(heat_map->width(), 600);
}

}  // namespace
}  // namespace signum::data

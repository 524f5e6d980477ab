#include "report/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>

#include "base/file.h"
#include "report/crc32c.h"
#include "report/file_size_limit.h"

namespace signum::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending(32, '\0');
  std::iota(ascending.begin(), ascending.end(), '\0');
  EXPECT_EQ(Crc32c(ascending), 0x46dd794eu);
}

// The same checksum a bit at a time, so that the file is not judged by the code
// that wrote it.
uint32_t SlowMaskedCrc(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (char c : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const uint32_t in = (static_cast<unsigned char>(c) >> bit) & 1;
      crc = (crc >> 1) ^ (((crc ^ in) & 1) != 0 ? 0x82f63b78u : 0);
    }
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// A protocol buffer taken apart: every field's values as raw bytes, in order.
using Message = std::map<int, std::vector<std::string>>;

uint64_t TakeVarint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; !in.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

Message Decode(std::string_view in) {
  Message message;
  while (!in.empty()) {
    const uint64_t key = TakeVarint(in);
    std::string value;
    size_t length = 0;
    switch (key & 7) {
      case 0: value = std::to_string(static_cast<int64_t>(TakeVarint(in))); break;
      case 1: length = 8; break;
      case 2: length = TakeVarint(in); break;
      case 5: length = 4; break;
      default: ADD_FAILURE() << "wire type " << (key & 7); return message;
    }
    if (length > in.size()) {
      ADD_FAILURE() << "a field runs over its message";
      return message;
    }
    if ((key & 7) != 0) value = std::string(in.substr(0, length));
    in.remove_prefix(length);
    message[static_cast<int>(key >> 3)].push_back(value);
  }
  return message;
}

template <typename T>
T As(const std::string& bytes) {
  T value{};
  EXPECT_EQ(bytes.size(), sizeof(T));
  if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

std::vector<double> Doubles(const std::string& packed) {
  std::vector<double> values(packed.size() / sizeof(double));
  std::memcpy(values.data(), packed.data(), values.size() * sizeof(double));
  return values;
}

// The events of a file, its framing and checksums verified.
std::vector<Message> ReadEvents(const std::string& path) {
  auto bytes = base::ReadFile(path);
  EXPECT_TRUE(bytes);
  std::vector<Message> events;
  const std::string file(bytes->begin(), bytes->end());
  for (size_t at = 0; at < file.size();) {
    const auto length = As<uint64_t>(file.substr(at, 8));
    EXPECT_EQ(As<uint32_t>(file.substr(at + 8, 4)), SlowMaskedCrc(file.substr(at, 8)));
    const std::string data = file.substr(at + 12, length);
    EXPECT_EQ(As<uint32_t>(file.substr(at + 12 + length, 4)), SlowMaskedCrc(data));
    events.push_back(Decode(data));
    at += 16 + length;
  }
  return events;
}

class EventFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "signum_events_" + std::to_string(getpid());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
};

TEST_F(EventFileTest, StartsWithTheVersion) {
  auto file = EventFile::Open(folder_ + "/deep");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_THAT(std::filesystem::path(file->path()).filename().string(),
              StartsWith("events.out.tfevents."));
  const std::vector<Message> events = ReadEvents(file->path());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0].at(3), ElementsAre("brain.Event:2"));
  EXPECT_NEAR(As<double>(events[0].at(1)[0]), WallTimeSeconds(), 60);
}

TEST_F(EventFileTest, HoldsScalars) {
  auto file = EventFile::Open(folder_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->AddScalars(300, 1.5e9, {{"loss/train", 0.25f}, {"accuracy", 0.875f}}));
  ASSERT_TRUE(file->Flush());
  const std::vector<Message> events = ReadEvents(file->path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(As<double>(events[1].at(1)[0]), 1.5e9);
  EXPECT_THAT(events[1].at(2), ElementsAre("300"));
  const Message summary = Decode(events[1].at(5)[0]);
  ASSERT_EQ(summary.at(1).size(), 2u);
  const Message loss = Decode(summary.at(1)[0]);
  EXPECT_THAT(loss.at(1), ElementsAre("loss/train"));
  EXPECT_EQ(As<float>(loss.at(2)[0]), 0.25f);
  const Message accuracy = Decode(summary.at(1)[1]);
  EXPECT_THAT(accuracy.at(1), ElementsAre("accuracy"));
  EXPECT_EQ(As<float>(accuracy.at(2)[0]), 0.875f);
}

Message HistogramOf(const std::string& path) {
  const std::vector<Message> events = ReadEvents(path);
  const Message value = Decode(Decode(events.back().at(5)[0]).at(1)[0]);
  return Decode(value.at(5)[0]);
}

TEST_F(EventFileTest, HoldsHistograms) {
  auto file = EventFile::Open(folder_);
  ASSERT_TRUE(file);
  std::vector<float> values = {std::numeric_limits<float>::quiet_NaN(), INFINITY};
  for (int i = 0; i <= 128; ++i) values.push_back(static_cast<float>(i) / 64 - 1);
  ASSERT_TRUE(file->AddHistogram(7, 1.5e9, "conv1/weights", values));
  ASSERT_TRUE(file->Flush());
  const Message histogram = HistogramOf(file->path());
  EXPECT_EQ(As<double>(histogram.at(1)[0]), -1);
  EXPECT_EQ(As<double>(histogram.at(2)[0]), 1);
  EXPECT_EQ(As<double>(histogram.at(3)[0]), 129);
  EXPECT_NEAR(As<double>(histogram.at(4)[0]), 0, 1e-9);
  const std::vector<double> limits = Doubles(histogram.at(6)[0]);
  const std::vector<double> counts = Doubles(histogram.at(7)[0]);
  ASSERT_EQ(limits.size(), 65u);
  ASSERT_EQ(counts.size(), 65u);
  EXPECT_EQ(limits.front(), -1);
  EXPECT_EQ(limits.back(), 1);
  EXPECT_TRUE(std::is_sorted(limits.begin(), limits.end()));
  EXPECT_EQ(counts[0], 0);
  EXPECT_EQ(counts[1], 2);
  EXPECT_EQ(counts[64], 3) << "the greatest value belongs to the last bin";
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.0), 129);
}

TEST_F(EventFileTest, ConstantAndExtremeHistogramsAreSound) {
  auto file = EventFile::Open(folder_);
  ASSERT_TRUE(file);
  const float most = std::numeric_limits<float>::max();
  for (const std::vector<float>& values :
       {std::vector<float>{0, 0}, {-3, -3, -3}, {most, -most}, {1e-45f}}) {
    ASSERT_TRUE(file->AddHistogram(0, 0, "w", values));
    ASSERT_TRUE(file->Flush());
    const Message histogram = HistogramOf(file->path());
    const std::vector<double> counts = Doubles(histogram.at(7)[0]);
    const std::vector<double> limits = Doubles(histogram.at(6)[0]);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.0), values.size());
    for (size_t i = 1; i < limits.size(); ++i) EXPECT_LT(limits[i - 1], limits[i]);
  }
}

TEST_F(EventFileTest, AHistogramOfNothingIsRefused) {
  auto file = EventFile::Open(folder_);
  ASSERT_TRUE(file);
  const Status status = file->AddHistogram(0, 0, "conv1", std::vector<float>{NAN});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.error().message, HasSubstr("conv1"));
}

TEST_F(EventFileTest, NeverTouchesAnExistingFile) {
  auto first = EventFile::Open(folder_);
  auto second = EventFile::Open(folder_);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_NE(first->path(), second->path());
}

TEST_F(EventFileTest, ClosingFlushesAndMovingKeepsTheBuffer) {
  std::string path;
  {
    auto file = EventFile::Open(folder_);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->AddScalars(1, 0, {{"a", 1.0f}}));
    EventFile moved = std::move(*file);
    ASSERT_TRUE(moved.AddScalars(2, 0, {{"a", 2.0f}}));
    path = moved.path();
  }
  EXPECT_EQ(ReadEvents(path).size(), 3u);
}

TEST_F(EventFileTest, AFullDiskIsReportedAndLaterContinued) {
  auto file = EventFile::Open(folder_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->AddScalars(1, 0, {{"a", 1.0f}}));
  {
    FileSizeLimit limit(std::filesystem::file_size(file->path()) + 5);
    const Status status = file->Flush();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kIo);
    EXPECT_THAT(status.error().message, HasSubstr(file->path()));
  }
  ASSERT_TRUE(file->AddScalars(2, 0, {{"a", 2.0f}}));
  ASSERT_TRUE(file->Flush());
  EXPECT_EQ(ReadEvents(file->path()).size(), 3u);
}

TEST_F(EventFileTest, AFolderThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(base::MakeFolders(folder_));
  ASSERT_TRUE(base::WriteFile(folder_ + "/file", std::string_view("x")));
  auto file = EventFile::Open(folder_ + "/file/runs");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr(folder_ + "/file/runs"));
}

}  // namespace
}  // namespace signum::report

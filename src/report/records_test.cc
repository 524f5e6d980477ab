#include "report/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "report/file_size_limit.h"

namespace signum::report {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class RecordsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "signum_records_" + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    path_ = folder_ + "/metrics.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Text() {
    auto bytes = base::ReadFile(path_);
    return bytes ? std::string(bytes->begin(), bytes->end()) : bytes.error().message;
  }
  void Write(std::string_view text) { ASSERT_TRUE(base::WriteFile(path_, text)); }

  std::string folder_;
  std::string path_;
};

TEST_F(RecordsTest, AppendsLines) {
  {
    auto file = JsonLinesFile::Open(path_);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE(file->Append({{"epoch", 1}}));
    EXPECT_EQ(Text(), "{\"epoch\":1}\n") << "a line must be on disk at once";
    JsonLinesFile moved = std::move(*file);
    ASSERT_TRUE(moved.Append({{"text", "two\nlines"}}));
  }
  auto again = JsonLinesFile::Open(path_);
  ASSERT_TRUE(again);
  ASSERT_TRUE(again->Append({{"epoch", 3}}));
  auto lines = ReadJsonLines(path_);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(*lines, (std::vector<json>{{{"epoch", 1}}, {{"text", "two\nlines"}}, {{"epoch", 3}}}));
}

TEST_F(RecordsTest, WhatJsonCannotSayIsReplaced) {
  auto file = JsonLinesFile::Open(path_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->Append({{"loss", NAN}, {"name", "a\xff"}}));
  EXPECT_EQ(Text(), "{\"loss\":null,\"name\":\"a\xef\xbf\xbd\"}\n");
}

TEST_F(RecordsTest, ATornLastLineIsPassedOverAndThenCutOff) {
  Write("{\"epoch\":1}\n\n{\"epoch\":2}\n{\"epoch\":3,\"lo");
  auto lines = ReadJsonLines(path_);
  ASSERT_TRUE(lines) << lines.error().message;
  EXPECT_EQ(lines->size(), 2u);
  auto file = JsonLinesFile::Open(path_);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->Append({{"epoch", 3}}));
  EXPECT_EQ(Text(), "{\"epoch\":1}\n\n{\"epoch\":2}\n{\"epoch\":3}\n");
}

TEST_F(RecordsTest, EveryPrefixOfAFileCanBeReadAndContinued) {
  const std::string whole = "{\"epoch\":1}\n{\"epoch\":22,\"flip\":{\"a\":0.5}}\n";
  for (size_t size = 0; size <= whole.size(); ++size) {
    Write(std::string_view(whole).substr(0, size));
    ASSERT_TRUE(ReadJsonLines(path_)) << size;
    const size_t before = ReadJsonLines(path_)->size();
    auto file = JsonLinesFile::Open(path_);
    ASSERT_TRUE(file) << size;
    ASSERT_TRUE(file->Append({{"last", true}}));
    auto lines = ReadJsonLines(path_);
    ASSERT_TRUE(lines) << size << ": " << lines.error().message;
    EXPECT_EQ(lines->size(), before + 1) << size;
  }
}

TEST_F(RecordsTest, AWholeLastLineWithoutNewlineIsKept) {
  Write("{\"epoch\":1}");
  ASSERT_EQ(ReadJsonLines(path_)->size(), 1u);
  auto file = JsonLinesFile::Open(path_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->Append({{"epoch", 2}}));
  EXPECT_EQ(Text(), "{\"epoch\":1}\n{\"epoch\":2}\n");
}

TEST_F(RecordsTest, AFileNamedByMistakeStaysAsItIs) {
  Write("precious notes");
  auto file = JsonLinesFile::Open(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(Text(), "precious notes");
}

TEST_F(RecordsTest, ABadLineIsNamed) {
  Write("{\"epoch\":1}\n[1]\n{\"epoch\":3}\n");
  auto lines = ReadJsonLines(path_);
  ASSERT_FALSE(lines);
  EXPECT_EQ(lines.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(lines.error().message, HasSubstr("metrics.jsonl line 2"));
}

TEST_F(RecordsTest, MissingThingsAreNamed) {
  EXPECT_EQ(ReadJsonLines(path_).error().code, ErrorCode::kNotFound);
  auto file = JsonLinesFile::Open(folder_ + "/no/metrics.jsonl");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("create its folder first"));
  EXPECT_FALSE(JsonLinesFile::Open(folder_));
}

TEST_F(RecordsTest, AFullDiskLeavesWholeLines) {
  auto file = JsonLinesFile::Open(path_);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->Append({{"epoch", 1}}));
  {
    FileSizeLimit limit(20);
    const Status status = file->Append({{"epoch", 2}});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kIo);
    EXPECT_THAT(status.error().message, HasSubstr(path_));
  }
  EXPECT_EQ(Text(), "{\"epoch\":1}\n");
  ASSERT_TRUE(file->Append({{"epoch", 2}}));
  EXPECT_EQ(Text(), "{\"epoch\":1}\n{\"epoch\":2}\n");
}

TEST_F(RecordsTest, WriteJsonLinesReplacesTheFile) {
  Write("{\"epoch\":1}\n{\"epoch\":2}\n");
  ASSERT_TRUE(WriteJsonLines(path_, {{{"epoch", 1}}}));
  EXPECT_EQ(Text(), "{\"epoch\":1}\n");
}

TEST_F(RecordsTest, CsvQuotesWhatNeedsIt) {
  ASSERT_TRUE(WriteCsv(path_, {"name", "a,b"}, {{"say \"hi\"", "1"}, {"two\nlines", ""}}));
  EXPECT_EQ(Text(), "name,\"a,b\"\r\n\"say \"\"hi\"\"\",1\r\n\"two\nlines\",\r\n");
}

TEST_F(RecordsTest, CsvRefusesRaggedRows) {
  const Status status = WriteCsv(path_, {"a", "b"}, {{"1", "2"}, {"3"}});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("row 2 has 1 fields"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace signum::report

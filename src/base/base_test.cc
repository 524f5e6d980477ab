#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "base/cpu.h"
#include "base/file.h"
#include "base/shape.h"
#include "base/thread_pool.h"

namespace signum {
namespace {

using ::testing::HasSubstr;

// A folder that goes when the test does.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "signum-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Shape, CheckedElementsRefusesWhatCannotBe) {
  EXPECT_EQ(CheckedElements({2, 3, 4}), 24);
  EXPECT_EQ(CheckedElements(Shape{}), 1);
  EXPECT_EQ(CheckedElements({2, 0}), -1);
  EXPECT_EQ(CheckedElements({-1}), -1);
  EXPECT_EQ(CheckedElements({int64_t{1} << 40}), -1);
  EXPECT_EQ(CheckedElements({int64_t{1} << 32, int64_t{1} << 32}), -1);
}

TEST(File, WritesAndReadsBack) {
  Folder folder;
  ASSERT_TRUE(base::WriteFile(folder / "a", "one"));
  ASSERT_TRUE(base::WriteFile(folder / "a", "two!"));
  const auto bytes = base::ReadFile(folder / "a");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(std::string(bytes->begin(), bytes->end()), "two!");
}

TEST(File, AFailedWriteLeavesTheOldFileAndNothingElse) {
  Folder folder;
  ASSERT_TRUE(base::WriteFile(folder / "a", "old"));
  const Status status = base::WriteFileThrough(folder / "a", [](const std::string& path) -> Status {
    SIGNUM_RETURN_IF_ERROR(base::WriteFile(path, "half"));
    return IoError("the disk is full");
  });
  EXPECT_FALSE(status);
  EXPECT_EQ(base::ReadFile(folder / "a")->size(), 3u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(File, ErrorsNameThePath) {
  EXPECT_EQ(base::ReadFile("/nowhere/x").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(base::WriteFile("/nowhere/x", "y").error().message,
              HasSubstr("cannot write /nowhere/x"));
  EXPECT_THAT(base::WriteFile("/dev/full/x", "y").error().message, HasSubstr("/dev/full/x"));
  Folder folder;
  EXPECT_FALSE(base::ReadFile(folder.path()));
  // Renamed over, a device would be lost to the whole system.
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(base::WriteFile(folder / "pipe", "y").error().message, HasSubstr("a pipe"));
  EXPECT_THAT(base::CheckCanWrite(folder / "pipe").error().message, HasSubstr("a pipe"));
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
  ASSERT_TRUE(base::WriteFile(folder / "a", "12345"));
  EXPECT_EQ(base::ReadFile(folder / "a", 4).error().code, ErrorCode::kResourceExhausted);
}

TEST(ThreadPool, CallsEveryIndexOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t count : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      pool.ParallelFor(count, [&](int64_t index, int thread) {
        EXPECT_LT(thread, threads);
        ++calls[index];
      });
      for (const auto& n : calls) EXPECT_EQ(n, 1);
    }
  }
}

TEST(Cpu, CapsAreReadFromTheEnvironment) {
  const char* before = std::getenv("SIGNUM_ISA");
  const std::string saved = before == nullptr ? "" : before;
  setenv("SIGNUM_ISA", "scalar", 1);
  EXPECT_EQ(*AllowedIsa(), Isa::kScalar);
  setenv("SIGNUM_ISA", "sse9", 1);
  EXPECT_THAT(AllowedIsa().error().message, HasSubstr("unknown instruction set 'sse9'"));
  EXPECT_THAT(AllowedIsa().error().message, HasSubstr("takes scalar, avx2, "));
  unsetenv("SIGNUM_ISA");
  EXPECT_EQ(*AllowedIsa(), DetectIsa());
  EXPECT_EQ(SupportedIsas().back(), DetectIsa());
#if defined(__x86_64__)
  constexpr const char* kOfOthers[] = {"neon", "dotprod"};
#else
  constexpr const char* kOfOthers[] = {"avx2", "avx512", "amx"};
#endif
  for (const char* name : kOfOthers) {
    setenv("SIGNUM_ISA", name, 1);
    EXPECT_THAT(AllowedIsa().error().message,
                HasSubstr(std::string("SIGNUM_ISA=") + name + ", but this CPU reaches only "));
  }
  for (Isa isa : SupportedIsas()) {
    setenv("SIGNUM_ISA", IsaName(isa), 1);
    EXPECT_EQ(*AllowedIsa(), isa);
  }
  unsetenv("SIGNUM_ISA");
  if (!saved.empty()) setenv("SIGNUM_ISA", saved.c_str(), 1);
}

}  // namespace
}  // namespace signum

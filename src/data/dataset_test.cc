#include "data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/nearest.h"
#include "data/cifar10.h"
#include "data/fashion_mnist.h"
#include "data/test_files.h"

namespace signum::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace testing;  // NOLINT: the room's own test files

TEST(Dataset, UnknownNameSuggestsTheNearest) {
  const auto loaded = LoadDataset("cifar-10", Split::kTrain, "/nowhere");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(loaded.error().message, AllOf(HasSubstr("'cifar-10'"), HasSubstr("mean cifar10?")));
  EXPECT_THAT(LoadDataset("imagenet", Split::kTest).error().message,
              AllOf(HasSubstr("There are: cifar10, fashion-mnist"), Not(HasSubstr("mean"))));
}

TEST(Nearest, FindsSlipsAndRefusesStrangers) {
  const std::vector<std::string> names = {"cifar10", "fashion-mnist", "test"};
  EXPECT_EQ(Nearest("CIFAR10", names), "cifar10");
  EXPECT_EQ(Nearest("fashon-mnits", names), "fashion-mnist");
  EXPECT_EQ(Nearest("rest", names), "test");
  EXPECT_EQ(Nearest("imagenet", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(Dataset, FolderFollowsTheEnvironment) {
  const auto old = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const std::string signum_data = old("SIGNUM_DATA"), xdg = old("XDG_DATA_HOME"),
                    home = old("HOME");
  setenv("SIGNUM_DATA", "/a", 1);
  setenv("XDG_DATA_HOME", "/b", 1);
  setenv("HOME", "/c", 1);
  EXPECT_EQ(DataFolder(), "/a");
  setenv("SIGNUM_DATA", "", 1);
  EXPECT_EQ(DataFolder(), "/b/signum");
  unsetenv("XDG_DATA_HOME");
  EXPECT_EQ(DataFolder(), "/c/.local/share/signum");
  setenv("SIGNUM_DATA", signum_data.c_str(), 1);
  setenv("XDG_DATA_HOME", xdg.c_str(), 1);
  setenv("HOME", home.c_str(), 1);
}

TEST(Dataset, ChannelStatisticsAreExact) {
  Dataset dataset;
  dataset.image_shape = {2, 1, 2};
  dataset.labels = {0, 0};
  dataset.images = {0, 255, 51, 51, 255, 0, 51, 51};
  const ChannelStatistics statistics = ComputeChannelStatistics(dataset);
  EXPECT_THAT(statistics.mean, ::testing::ElementsAre(0.5, 0.2));
  EXPECT_THAT(statistics.deviation, ::testing::ElementsAre(0.5, 0.0));
}

TEST(Cifar10, ParsesBinaryRecords) {
  Dataset dataset = EmptyCifar10();
  const std::string bytes = Cifar10Binary(12, 7);
  ASSERT_TRUE(ParseCifar10Binary(Bytes(bytes), "f", 12, &dataset));
  EXPECT_EQ(dataset.size(), 12);
  EXPECT_EQ(dataset.labels[5], 2);
  EXPECT_EQ(dataset.image(5)[0], 7);
  EXPECT_EQ(dataset.image(5)[1], 5);
  EXPECT_EQ(dataset.image(11).size(), 3072u);
}

TEST(Cifar10, RefusesShortFilesAndBadLabels) {
  Dataset dataset = EmptyCifar10();
  std::string bytes = Cifar10Binary(3, 0);
  const auto parse = [&] { return ParseCifar10Binary(Bytes(bytes), "f.bin", 3, &dataset); };
  bytes.pop_back();
  EXPECT_THAT(parse().error().message, AllOf(HasSubstr("f.bin"), HasSubstr("9218 bytes, not 9219"),
                                             HasSubstr("signum data get cifar10")));
  bytes.push_back(0);
  bytes[3073] = 10;
  EXPECT_THAT(parse().error().message, AllOf(HasSubstr("label 10"), HasSubstr("record 1")));
  bytes[3073] = static_cast<char>(255);
  EXPECT_FALSE(parse());
}

TEST(Cifar10, PythonLayoutGivesTheSameRecords) {
  Dataset binary = EmptyCifar10(), python = EmptyCifar10();
  ASSERT_TRUE(ParseCifar10Binary(Bytes(Cifar10Binary(300, 3)), "b", 300, &binary));
  const Status parsed =
      ParseCifar10Python(Bytes(Cifar10Python(Cifar10Binary(300, 3))), "p", 300, &python);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(binary.images, python.images);
  EXPECT_EQ(binary.labels, python.labels);
}

TEST(Cifar10, PythonLayoutIsRefusedAtEveryCut) {
  const std::string bytes = Cifar10Python(Cifar10Binary(2, 3));
  for (size_t size = 0; size < bytes.size(); ++size) {
    Dataset dataset = EmptyCifar10();
    EXPECT_FALSE(ParseCifar10Python(Bytes(bytes).first(size), "p", 2, &dataset)) << size;
  }
}

TEST(Cifar10, PythonLayoutSurvivesEveryChangedByte) {
  const std::string bytes = Cifar10Python(Cifar10Binary(1, 3));
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : std::vector<int>{0, '.', '(', 'b', 'R', 'u', 't', 0x87, 255}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      Dataset dataset = EmptyCifar10();
      (void)ParseCifar10Python(Bytes(changed), "p", 1, &dataset);
    }
  }
}

TEST(Cifar10, PickleNeverCallsAnythingElse) {
  using namespace std::string_literals;
  const auto refuse = [](const std::string& bytes) {
    Dataset dataset = EmptyCifar10();
    const Status parsed = ParseCifar10Python(Bytes(bytes), "evil", 1, &dataset);
    return parsed ? "accepted" : parsed.error().message;
  };
  EXPECT_THAT(refuse("\x80\x02"
                     "cos\nsystem\nU\x02ls\x85R."),
              AllOf(HasSubstr("os.system"), HasSubstr("nothing is executed")));
  EXPECT_THAT(refuse("\x80\x02i__main__\nX\n."), HasSubstr("opcode 0x69"));
  EXPECT_THAT(refuse("\x80\x06."), HasSubstr("protocol 6"));
  EXPECT_THAT(refuse("\x80\x02}."), HasSubstr("without the array 'data'"));
  EXPECT_THAT(refuse("\x80\x02h\x05."), HasSubstr("recalls"));
  EXPECT_THAT(refuse("\x80\x02u."), HasSubstr("lacks a mark"));
  EXPECT_THAT(refuse("\x80\x02K\x01K\x02R."), HasSubstr("calls a value"));
  EXPECT_THAT(refuse(std::string("\x80\x02") + std::string(3 << 20, '}') + "."),
              HasSubstr("more than 131072"));
}

// The official layouts, in a folder of their own.
class Cifar10Files : public ::testing::Test {
 protected:
  void WriteBinary(const std::string& folder) {
    for (const auto& [name, contents] : Cifar10BinaryFiles())
      WriteSparse(folder + "/" + name, contents);
  }

  std::string Message(Split split) {
    const auto loaded = LoadDataset("cifar10", split, folder_.string());
    return loaded ? "" : loaded.error().message;
  }

  // All splits as they should be, read from `source`.
  void ExpectGood(const std::string& folder, const std::string& source) {
    const auto train = LoadDataset("cifar10", Split::kTrain, folder);
    ASSERT_TRUE(train) << train.error().message;
    EXPECT_EQ(train->size(), 50000);
    EXPECT_EQ(train->source, source);
    for (int64_t file = 0; file < 5; ++file) {
      for (const int64_t i : {file * 10000, file * 10000 + 9999}) {
        EXPECT_EQ(train->image(i)[0], file + 1);
        EXPECT_EQ(train->labels[static_cast<size_t>(i)], file + 1);
      }
    }
    const auto test = LoadDataset("cifar10", Split::kTest, folder);
    ASSERT_TRUE(test) << test.error().message;
    EXPECT_EQ(test->size(), 10000);
    EXPECT_EQ(test->image(9999)[0], 6);
  }

  TemporaryFolder folder_;
};

TEST_F(Cifar10Files, NothingThereSaysWhatToDo) {
  EXPECT_THAT(Message(Split::kTrain),
              AllOf(HasSubstr(folder_.string()), HasSubstr("signum data get cifar10")));
}

TEST_F(Cifar10Files, ReadsTheBinaryFolderAndItsDefects) {
  const std::string folder = folder_ / "cifar-10-batches-bin";
  WriteBinary(folder);
  ExpectGood(folder_.string(), folder);
  ExpectGood(folder, folder);

  Write(folder + "/batches.meta.txt",
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\n"
        "ship\ntruck\n\n");
  EXPECT_EQ(Message(Split::kTest), "");
  Write(folder + "/batches.meta.txt", "truck\nship\n");
  EXPECT_THAT(Message(Split::kTest), HasSubstr("batches.meta.txt does not list"));
  std::filesystem::remove(folder + "/batches.meta.txt");

  std::filesystem::resize_file(folder + "/data_batch_3.bin", 3073 * 9999);
  EXPECT_THAT(Message(Split::kTrain),
              AllOf(HasSubstr("data_batch_3.bin has 30726927 bytes"), HasSubstr("not 30730000")));
  std::filesystem::remove(folder + "/data_batch_2.bin");
  EXPECT_THAT(Message(Split::kTrain), HasSubstr("data_batch_2.bin is missing"));
  EXPECT_EQ(Message(Split::kTest), "");
}

TEST_F(Cifar10Files, ReadsThePythonFolderAndArchive) {
  const std::string folder = folder_ / "cifar-10-batches-py";
  std::string tar;
  for (int k = 1; k <= 6; ++k) {
    const std::string name = k == 6 ? "test_batch" : "data_batch_" + std::to_string(k);
    const std::string contents = Cifar10Python(OfficialCifar10Binary(k));
    WriteSparse(folder + "/" + name, contents);
    tar += TarEntry("cifar-10-batches-py/" + name, contents);
  }
  ExpectGood(folder_.string(), folder);
  std::filesystem::remove_all(folder);
  Write(folder_ / "cifar-10-python.tar.gz", Gzip(tar + TarEnd()));
  ExpectGood(folder_.string(), folder_ / "cifar-10-python.tar.gz");
}

TEST_F(Cifar10Files, ReadsTheArchiveAndItsDefects) {
  const std::string archive = folder_ / "cifar-10-binary.tar.gz";
  const std::string bytes = Cifar10Archive();
  Write(archive, bytes);
  ExpectGood(folder_.string(), archive);

  for (const size_t size :
       {size_t{0}, size_t{5}, size_t{1000}, bytes.size() / 2, bytes.size() - 1}) {
    Write(archive, bytes.substr(0, size));
    EXPECT_THAT(Message(Split::kTest), AllOf(HasSubstr(archive), HasSubstr("cut off"),
                                             HasSubstr("signum data get cifar10")))
        << size;
  }
  std::string damaged = bytes;
  damaged[damaged.size() - 6] ^= 1;  // in gzip's checksum
  Write(archive, damaged);
  EXPECT_THAT(Message(Split::kTest), HasSubstr("damaged"));
  Write(archive,
        "no archive, but more than five hundred and twelve bytes" + std::string(1000, 'x'));
  EXPECT_THAT(Message(Split::kTest), HasSubstr("not a tar archive"));
  Write(archive, Gzip(TarEntry("a/data_batch_1.bin", "short") + TarEnd()));
  EXPECT_THAT(Message(Split::kTest), HasSubstr("has no file cifar-10-batches-bin/test_batch.bin"));
  EXPECT_THAT(Message(Split::kTrain), HasSubstr(archive + ":a/data_batch_1.bin has 5 bytes"));
}

TEST(FashionMnist, ReadsPlainAndCompressedFiles) {
  const TemporaryFolder folder;
  for (const auto& [name, contents] : FashionMnistGzipFiles()) {
    Write(folder / ("fashion-mnist/" + name), contents);
  }
  const auto test = LoadDataset("fashion-mnist", Split::kTest, folder.string());
  ASSERT_TRUE(test) << test.error().message;
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(test->image_shape, (Shape{1, 28, 28}));
  EXPECT_EQ(test->image(9999)[0], 9999 % 251);
  EXPECT_EQ(test->labels[9999], 9);
  EXPECT_EQ(test->class_names[9], "Ankle boot");

  // A plain file goes before a compressed one.
  Write(folder / "fashion-mnist/t10k-labels-idx1-ubyte", Idx({10000}, std::string(10000, '\3')));
  EXPECT_EQ(LoadDataset("fashion-mnist", Split::kTest, folder.string())->labels[0], 3);
  const auto train = LoadDataset("fashion-mnist", Split::kTrain, folder.string());
  ASSERT_TRUE(train) << train.error().message;
  EXPECT_EQ(train->size(), 60000);
}

TEST(FashionMnist, RefusesDefects) {
  const TemporaryFolder folder;
  const std::string images = folder / "t10k-images-idx3-ubyte";
  const std::string labels = folder / "t10k-labels-idx1-ubyte";
  const auto message = [&] {
    const auto loaded = LoadFashionMnist(Split::kTest, folder.string(), "");
    return loaded ? "" : loaded.error().message;
  };
  EXPECT_THAT(message(), AllOf(HasSubstr("no Fashion-MNIST"), HasSubstr("signum data get")));
  const std::string pixels(10000 * 28 * 28, '\7');
  Write(images, Idx({10000, 28, 28}, pixels));
  EXPECT_THAT(message(), HasSubstr(labels + " is missing"));
  Write(labels, Idx({10000}, std::string(10000, '\0')));
  EXPECT_EQ(message(), "");

  Write(labels, Idx({10000}, std::string(9999, '\0')));
  EXPECT_THAT(message(), AllOf(HasSubstr(labels), HasSubstr("9999 bytes"), HasSubstr("not 10000")));
  Write(labels, Idx({10000}, std::string(10000, '\x0a')));
  EXPECT_THAT(message(), HasSubstr("label 10 for image 0"));
  Write(labels, Idx({9999}, std::string(9999, '\0')));
  EXPECT_THAT(message(), HasSubstr("9999 elements, not 10000"));
  Write(labels, "\0\0");
  EXPECT_THAT(message(), HasSubstr("does not start as an idx file"));
  Write(labels, "");
  EXPECT_THAT(message(), HasSubstr("does not start as an idx file"));

  std::filesystem::remove(images);
  const std::string compressed = Gzip(Idx({10000, 28, 28}, pixels));
  Write(images + ".gz", compressed.substr(0, compressed.size() / 2));
  EXPECT_THAT(message(), AllOf(HasSubstr("cut off"), HasSubstr("signum data get fashion-mnist")));
  Write(images + ".gz", Gzip(std::string(70 << 20, '\0')));
  EXPECT_THAT(message(), HasSubstr("holds more than"));
}

TEST(RealData, Cifar10HasItsKnownStatistics) {
  const char* folder = std::getenv("SIGNUM_TEST_CIFAR10");
  if (folder == nullptr) GTEST_SKIP() << "set SIGNUM_TEST_CIFAR10 to a folder with CIFAR-10";
  const auto train = LoadDataset("cifar10", Split::kTrain, folder);
  ASSERT_TRUE(train) << train.error().message;
  EXPECT_THAT(CountLabels(*train), ::testing::Each(5000));
  const ChannelStatistics statistics = ComputeChannelStatistics(*train);
  const double mean[] = {0.4914, 0.4822, 0.4465}, deviation[] = {0.2470, 0.2435, 0.2616};
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(statistics.mean[c], mean[c], 0.001);
    EXPECT_NEAR(statistics.deviation[c], deviation[c], 0.003);
  }
}

TEST(RealData, FashionMnistHasItsKnownStatistics) {
  if (!std::filesystem::exists(kFashionMnistSystemFolder)) {
    GTEST_SKIP() << "install Debian's dataset-fashion-mnist to run this";
  }
  const auto train = LoadFashionMnist(Split::kTrain, "/nowhere", kFashionMnistSystemFolder);
  ASSERT_TRUE(train) << train.error().message;
  EXPECT_THAT(CountLabels(*train), ::testing::Each(6000));
  EXPECT_EQ(train->labels[0], 9);
  const ChannelStatistics statistics = ComputeChannelStatistics(*train);
  EXPECT_NEAR(statistics.mean[0], 0.2860, 0.0001);
  EXPECT_NEAR(statistics.deviation[0], 0.3530, 0.0001);
}

}  // namespace
}  // namespace signum::data

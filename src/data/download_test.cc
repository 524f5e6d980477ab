#include "data/download.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "data/dataset.h"
#include "data/test_files.h"

namespace signum::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace testing;  // NOLINT: the room's own test files
namespace fs = std::filesystem;

// An HTTP server on 127.0.0.1 whose answers are bytes, so that it can lie and
// break off as no well-behaved server library would: `answer` gets a request's
// head and returns all that is sent before the connection is closed.
class Server {
 public:
  explicit Server(std::function<std::string(const std::string& request)> answer)
      : answer_(std::move(answer)), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Server() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }

  std::string Url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}/{}", port_, path);
  }
  // The Range headers of the requests so far, or "-".
  std::vector<std::string> ranges() {
    std::lock_guard lock(mutex_);
    return ranges_;
  }

 private:
  void Serve() {
    for (;;) {
      const int client = accept(socket_, nullptr, nullptr);
      if (client < 0) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t n = recv(client, buffer, sizeof(buffer), 0);
        if (n <= 0) break;
        request.append(buffer, static_cast<size_t>(n));
      }
      const size_t at = request.find("Range: ");
      {
        std::lock_guard lock(mutex_);
        ranges_.push_back(at == std::string::npos
                              ? "-"
                              : request.substr(at + 7, request.find('\r', at) - at - 7));
      }
      const std::string answer = answer_(request);
      for (size_t done = 0; done < answer.size();) {
        const ssize_t n = send(client, answer.data() + done, answer.size() - done, MSG_NOSIGNAL);
        if (n <= 0) break;
        done += static_cast<size_t>(n);
      }
      close(client);
    }
  }

  std::function<std::string(const std::string&)> answer_;
  int socket_;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> ranges_;  // guarded by mutex_
  std::thread thread_;
};

std::string Head(const std::string& status, size_t length, const std::string& more = "") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n", status,
                     length, more);
}

// What a good server answers: the file, or the part of it that is asked for, cut
// off after `most` bytes.
std::string Answer(const std::string& request, const std::string& file,
                   size_t most = std::string::npos) {
  const size_t at = request.find("Range: bytes=");
  if (at == std::string::npos) return Head("200 OK", file.size()) + file.substr(0, most);
  const size_t from = std::stoul(request.substr(at + 13));
  const std::string part = file.substr(std::min(from, file.size()));
  return Head(
             "206 Partial Content", part.size(),
             fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, file.size() - 1, file.size())) +
         part.substr(0, most);
}

std::string Path(const std::string& request) {
  return request.substr(5, request.find(' ', 5) - 5);  // of "GET /path HTTP/1.1"
}

std::string Noise(size_t size) {
  std::string bytes;
  uint32_t state = 1;
  for (size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes.push_back(static_cast<char>(state >> 24));
  }
  return bytes;
}

class Download : public ::testing::Test {
 protected:
  Download() {
    options_.retry_milliseconds = 1;
    options_.timeout_seconds = 5;
  }

  std::string Digest(const std::string& contents) {
    Write(folder_ / "digest", contents);
    return *Sha256OfFile(folder_ / "digest");
  }

  PublishedFile Published(const std::string& url, const std::string& contents) {
    return {url, static_cast<int64_t>(contents.size()), Digest(contents)};
  }

  Status Fetch(const PublishedFile& file) {
    return DownloadFile(
        file, target_, [this](int64_t done) { progress_.push_back(done); }, options_);
  }

  TemporaryFolder folder_;
  const std::string target_ = folder_ / "file.partial";
  const std::string noise_ = Noise(1 << 20);
  DownloadOptions options_;
  std::vector<int64_t> progress_;
};

TEST_F(Download, Sha256IsTheStandards) {
  // FIPS 180-4's examples: "abc" and the empty message.
  EXPECT_EQ(Digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256OfFile(folder_ / "none").error().code, ErrorCode::kNotFound);
}

TEST_F(Download, FetchesAFileAndTellsHowFarItIs) {
  Server server([&](const std::string& request) { return Answer(request, noise_); });
  const Status fetched = Fetch(Published(server.Url("a/b.gz"), noise_));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Read(target_), noise_);
  EXPECT_EQ(progress_.back(), 1 << 20);
  EXPECT_TRUE(std::is_sorted(progress_.begin(), progress_.end()));
}

TEST_F(Download, GoesOnAfterEveryInterruption) {
  Server server([&](const std::string& request) { return Answer(request, noise_, 400000); });
  const Status fetched = Fetch(Published(server.Url("b.gz"), noise_));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Read(target_), noise_);
  EXPECT_THAT(server.ranges(), ElementsAre("-", "bytes=400000-", "bytes=800000-"));
}

TEST_F(Download, GoesOnInALaterCall) {
  std::atomic<bool> down = true;
  Server server([&](const std::string& request) {
    return Answer(request, noise_, down ? 0 : std::string::npos);
  });
  Write(target_, noise_.substr(0, 300000));
  const PublishedFile file = Published(server.Url("b.gz"), noise_);
  const Status failed = Fetch(file);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message,
              AllOf(HasSubstr("300000 of 1048576 bytes of " + file.url), HasSubstr("go on")));
  EXPECT_EQ(server.ranges().size(), 3u);
  down = false;
  ASSERT_TRUE(Fetch(file));
  EXPECT_EQ(Read(target_), noise_);
  EXPECT_EQ(server.ranges().back(), "bytes=300000-");
}

TEST_F(Download, StartsOverWhereTheServerKnowsNoRanges) {
  Server server([&](const std::string&) { return Head("200 OK", noise_.size()) + noise_; });
  Write(target_, std::string(300000, 'x'));
  ASSERT_TRUE(Fetch(Published(server.Url("b.gz"), noise_)));
  EXPECT_EQ(Read(target_), noise_);
  EXPECT_THAT(server.ranges(), ElementsAre("bytes=300000-"));
}

TEST_F(Download, StartsOverWhereTheServerSendsAnotherPart) {
  Server server([&](const std::string& request) {
    if (request.find("Range") == std::string::npos) return Answer(request, noise_);
    if (request.find("bytes=7-") != std::string::npos) return Head("416 Out of Range", 0);
    return Head("206 Partial Content", 10, "Content-Range: bytes 5-14/1048576\r\n") + "0123456789";
  });
  for (const size_t have : {300000, 7}) {
    Write(target_, noise_.substr(0, have));
    ASSERT_TRUE(Fetch(Published(server.Url("b.gz"), noise_)));
    EXPECT_EQ(Read(target_), noise_);
  }
}

TEST_F(Download, StartsOverWhereThePartIsTooLong) {
  Server server([&](const std::string& request) { return Answer(request, noise_); });
  Write(target_, noise_ + "and more");
  ASSERT_TRUE(Fetch(Published(server.Url("b.gz"), noise_)));
  EXPECT_EQ(Read(target_), noise_);
}

TEST_F(Download, FollowsRedirections) {
  Server server([&](const std::string& request) {
    if (Path(request) != "old.gz") return Answer(request, noise_);
    return Head("302 Found", 4, "Location: /new.gz\r\n") + "moved";
  });
  const Status fetched = Fetch(Published(server.Url("old.gz"), noise_));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(Read(target_), noise_);
}

TEST_F(Download, DeletesAFileOfAnotherDigest) {
  std::string changed = noise_;
  changed[5] ^= 1;
  Server server([&](const std::string& request) { return Answer(request, changed); });
  const PublishedFile file = Published(server.Url("b.gz"), noise_);
  const Status fetched = Fetch(file);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(fetched.error().message, AllOf(HasSubstr("SHA-256 " + Digest(changed)),
                                             HasSubstr("not " + file.sha256), HasSubstr(file.url)));
  EXPECT_FALSE(fs::exists(target_));
}

TEST_F(Download, RefusesMoreThanWasPublished) {
  Server server([&](const std::string& request) { return Answer(request, noise_ + "more"); });
  const Status fetched = Fetch(Published(server.Url("b.gz"), noise_));
  ASSERT_FALSE(fetched);
  EXPECT_THAT(fetched.error().message, HasSubstr("more than the 1048576 bytes"));
  EXPECT_EQ(fs::file_size(target_), 0u);
}

TEST_F(Download, ExplainsWhatTheServerSays) {
  std::string status = "404 Not Found";
  Server server([&](const std::string&) { return Head(status, 4) + "page"; });
  const PublishedFile file = Published(server.Url("b.gz"), noise_);
  const Status missing = Fetch(file);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message,
              AllOf(HasSubstr(file.url), HasSubstr("HTTP 404"), HasSubstr("--from")));
  EXPECT_EQ(server.ranges().size(), 1u);
  status = "503 Busy";
  EXPECT_THAT(Fetch(file).error().message,
              AllOf(HasSubstr("HTTP 503"), HasSubstr("cannot download")));
  EXPECT_EQ(server.ranges().size(), 4u);
  EXPECT_EQ(fs::file_size(target_), 0u);
}

TEST_F(Download, ExplainsABadAddressAndADeadServer) {
  std::string dead;
  {
    Server server([](const std::string&) { return ""; });
    dead = server.Url("b.gz");
    EXPECT_THAT(Fetch(Published(dead, noise_)).error().message, HasSubstr("cannot download"));
  }
  EXPECT_THAT(Fetch(Published(dead, noise_)).error().message, HasSubstr("cannot download"));
  for (const char* url : {"", "b.gz", "ftp://host/b.gz", "http:///b.gz", "://", "https://"}) {
    EXPECT_EQ(Fetch(Published(url, noise_)).error().code, ErrorCode::kInvalidArgument) << url;
  }
}

// Whole datasets, from a server that has a file for each path.
class DownloadDatasets : public Download {
 protected:
  DownloadDatasets()
      : server_([this](const std::string& request) {
          const auto file = files_.find(Path(request));
          if (file == files_.end()) return Head("404 Not Found", 0);
          return Answer(request, file->second);
        }) {
    options_.progress = [this](int64_t done, int64_t total) {
      done_ = done;
      total_ = total;
    };
  }

  void Publish(const std::string& name, const std::string& contents) {
    files_["d/" + name] = contents;
    options_.files.push_back(Published(server_.Url("d/" + name), contents));
  }

  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(home_))
      names.push_back(entry.path().filename());
    return names;
  }

  std::map<std::string, std::string> files_;
  const std::string home_ = folder_ / "home/data";
  int64_t done_ = 0, total_ = 0;
  Server server_;
};

TEST_F(DownloadDatasets, Cifar10IsUnpackedAndReplaced) {
  Publish("cifar-10-binary.tar.gz", Cifar10Archive());
  Write(home_ + "/cifar-10-batches-bin/test_batch.bin", "an older, broken one");
  const Status got = DownloadDataset("cifar10", home_, options_);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(LoadDataset("cifar10", Split::kTrain, home_)->size(), 50000);
  EXPECT_EQ(LoadDataset("cifar10", Split::kTest, home_)->image(0)[0], 6);
  EXPECT_THAT(Names(), ElementsAre("cifar-10-batches-bin"));
  EXPECT_EQ(done_, total_);
  EXPECT_EQ(total_, options_.files[0].bytes);
}

TEST_F(DownloadDatasets, ABadArchiveLeavesWhatWasThere) {
  Publish("cifar-10-binary.tar.gz",
          Gzip(TarEntry("c/test_batch.bin", "short") + TarEntry("../../evil", "x") + TarEnd()));
  Write(home_ + "/cifar-10-batches-bin/test_batch.bin", "older");
  const Status got = DownloadDataset("cifar10", home_, options_);
  ASSERT_FALSE(got);
  EXPECT_THAT(got.error().message, HasSubstr("data_batch_1.bin is missing"));
  EXPECT_EQ(Read(home_ + "/cifar-10-batches-bin/test_batch.bin"), "older");
  EXPECT_FALSE(fs::exists(folder_ / "evil"));
  EXPECT_FALSE(fs::exists(home_ + "/cifar10.partial"));
}

TEST_F(DownloadDatasets, FashionMnistKeepsTheFilesThatArrived) {
  for (const auto& [name, contents] : FashionMnistGzipFiles()) Publish(name, contents);
  const auto last = files_.extract("d/t10k-labels-idx1-ubyte.gz");
  EXPECT_THAT(DownloadDataset("fashion-mnist", home_, options_).error().message,
              AllOf(HasSubstr("t10k-labels"), HasSubstr("404")));
  EXPECT_EQ(server_.ranges().size(), 4u);
  files_[last.key()] = last.mapped();
  const Status got = DownloadDataset("fashion-mnist", home_, options_);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(server_.ranges().size(), 5u);
  const auto train = LoadDataset("fashion-mnist", Split::kTrain, home_);
  ASSERT_TRUE(train);
  EXPECT_EQ(train->source, home_ + "/fashion-mnist");
  EXPECT_EQ(done_, total_);
  EXPECT_THAT(Names(), ElementsAre("fashion-mnist"));
}

TEST_F(DownloadDatasets, MirrorsHaveTheSameFiles) {
  for (const auto& [name, contents] : FashionMnistGzipFiles()) {
    Publish(name, contents);
    files_["mirror/" + name] = files_.extract("d/" + name).mapped();
  }
  options_.mirror = server_.Url("mirror");
  const Status got = DownloadDataset("fashion-mnist", home_, options_);
  EXPECT_TRUE(got) << got.error().message;
}

TEST_F(DownloadDatasets, FolderErrorsAreExplained) {
  Publish("cifar-10-binary.tar.gz", "x");
  EXPECT_EQ(DownloadDataset("cifar11", home_, options_).error().code, ErrorCode::kInvalidArgument);
  Write(folder_ / "file", "");
  EXPECT_THAT(DownloadDataset("cifar10", folder_ / "file/data", options_).error().message,
              AllOf(HasSubstr("cannot create the folder"), HasSubstr("file/data")));
  if (geteuid() != 0) {
    fs::create_directories(home_);
    fs::permissions(home_, fs::perms::owner_read | fs::perms::owner_exec);
    EXPECT_THAT(DownloadDataset("cifar10", home_, options_).error().message,
                HasSubstr("may write to"));
    fs::permissions(home_, fs::perms::owner_all);
  }
}

TEST_F(DownloadDatasets, TwoAtOnceAreRefused) {
  Publish("cifar-10-binary.tar.gz", "x");
  fs::create_directories(home_);
  const int held = open(home_.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(held, LOCK_EX), 0);
  EXPECT_THAT(DownloadDataset("cifar10", home_, options_).error().message,
              HasSubstr("another signum"));
  close(held);
}

TEST_F(DownloadDatasets, InstallsFromFilesAndFolders) {
  // The folder itself, or what has it as a subfolder.
  for (const auto& [name, contents] : Cifar10BinaryFiles()) {
    WriteSparse(folder_ / ("from/cifar-10-batches-bin/" + name), contents);
  }
  const Status installed = InstallDataset("cifar10", folder_ / "from", home_);
  ASSERT_TRUE(installed) << installed.error().message;
  EXPECT_THAT(Names(), ElementsAre("cifar-10-batches-bin"));
  EXPECT_EQ(LoadDataset("cifar10", Split::kTest, home_)->size(), 10000);

  for (const auto& [name, contents] : FashionMnistGzipFiles()) {
    Write(folder_ / ("fashion/" + name), contents);
  }
  ASSERT_TRUE(InstallDataset("fashion-mnist", folder_ / "fashion", folder_ / "first"));
  ASSERT_TRUE(InstallDataset("fashion-mnist", folder_ / "fashion/t10k-labels-idx1-ubyte.gz",
                             folder_ / "second"));
  EXPECT_EQ(LoadDataset("fashion-mnist", Split::kTest, folder_ / "second")->size(), 10000);
}

TEST_F(DownloadDatasets, InstallErrorsNameTheSource) {
  const auto message = [&](const std::string& name, const std::string& source) {
    const Status installed = InstallDataset(name, source, home_);
    return installed ? "" : installed.error().message;
  };
  EXPECT_THAT(message("cifar10", folder_ / "none.tar.gz"), HasSubstr("none.tar.gz does not exist"));
  Write(folder_ / "note.txt", "a few words");
  EXPECT_THAT(message("cifar10", folder_ / "note.txt"), HasSubstr("note.txt"));
  Write(folder_ / "other.tar.gz", Gzip(TarEntry("a", "b") + TarEnd()));
  EXPECT_THAT(message("cifar10", folder_ / "other.tar.gz"), HasSubstr("is not CIFAR-10"));
  EXPECT_THAT(message("fashion-mnist", folder_.string()), HasSubstr("is missing"));
  EXPECT_TRUE(Names().empty());
}

TEST(OfficialFiles, AreNamedAndSized) {
  for (const std::string& name : DatasetNames()) {
    for (const PublishedFile& file : OfficialFiles(name)) {
      EXPECT_EQ(file.sha256.size(), 64u);
      EXPECT_GT(file.bytes, 5000);
      EXPECT_TRUE(file.Name().ends_with(".gz")) << file.Name();
    }
  }
}

}  // namespace
}  // namespace signum::data

// From files to an installed dataset: the other half of download.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>

#include "base/file.h"
#include "data/archive.h"
#include "data/cifar10.h"
#include "data/download.h"
#include "data/fashion_mnist.h"

namespace signum::data {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxMemberBytes = size_t{64} << 20;

// Keeps a second download or installation out of the folder while it lives.
class FolderLock {
 public:
  static Result<FolderLock> Take(const std::string& folder) {
    FolderLock lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // A file system without locks is no reason to stop.
    if (lock.fd_ >= 0 && flock(lock.fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      return IoError("another signum is installing into " + folder + ": wait until it is done");
    }
    return lock;
  }
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

// A folder that is filled beside its target and then takes its place, or vanishes.
// What was there is kept as TARGET.old until then.
class StagedFolder {
 public:
  explicit StagedFolder(const fs::path& path) : path_(path) {}
  ~StagedFolder() { RemoveAll(path_); }
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  // Empty, also where an earlier attempt was killed.
  Status Create() {
    RemoveAll(path_);
    return base::MakeFolders(path_.string());
  }

  const fs::path& path() const { return path_; }

  Status Commit(const fs::path& target) {
    const fs::path old = target.string() + ".old";
    std::error_code error;
    RemoveAll(old);
    const bool replaces = fs::exists(target, error);
    if (replaces) fs::rename(target, old, error);
    if (!error) fs::rename(path_, target, error);
    if (error) {
      std::error_code ignored;
      if (replaces) fs::rename(old, target, ignored);
      return IoError("cannot put " + target.string() + " in place: " + error.message());
    }
    RemoveAll(old);
    return {};
  }

 private:
  static void RemoveAll(const fs::path& path) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }

  fs::path path_;
};

Status CopyFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (!error) return {};
  return IoError("cannot copy " + from.string() + " to " + to.string() + ": " + error.message());
}

// The files of a layout that are kept, and the ones it cannot do without.
std::set<std::string> Cifar10Kept(Cifar10Layout layout) {
  std::set<std::string> names = {
      layout == Cifar10Layout::kBinary ? "batches.meta.txt" : "batches.meta", "readme.html"};
  for (const Split split : {Split::kTrain, Split::kTest}) {
    for (std::string& file : Cifar10Files(layout, split)) names.insert(std::move(file));
  }
  return names;
}

// The layout that files of these names belong to.
Result<Cifar10Layout> Cifar10LayoutOf(const std::set<std::string>& names,
                                      const std::string& source) {
  if (names.count("test_batch.bin") != 0) return Cifar10Layout::kBinary;
  if (names.count("test_batch") != 0) return Cifar10Layout::kPython;
  return Corrupt(fmt::format(
      "{} has no file test_batch.bin or test_batch, so it is not CIFAR-10; "
      "name {} or {}",
      source, Cifar10Archive(Cifar10Layout::kBinary), Cifar10Archive(Cifar10Layout::kPython)));
}

// Writes the files of CIFAR-10 in `source`, an archive or a folder, to `into`, and
// returns their names.
Result<std::set<std::string>> Gather(const fs::path& source, const fs::path& into) {
  std::set<std::string> kept = Cifar10Kept(Cifar10Layout::kBinary);
  kept.merge(Cifar10Kept(Cifar10Layout::kPython));
  std::set<std::string> found;
  std::error_code ignored;
  if (fs::is_directory(source, ignored)) {
    for (const std::string& name : kept) {
      if (!fs::is_regular_file(source / name, ignored)) continue;
      SIGNUM_RETURN_IF_ERROR(CopyFile(source / name, into / name));
      found.insert(name);
    }
    return found;
  }
  const Status read = ReadTar(
      source.string(), kMaxMemberBytes,
      [&](const std::string& name, int64_t) {
        return kept.count(fs::path(name).filename().string()) != 0;
      },
      [&](const std::string& name, const std::vector<uint8_t>& contents) -> Status {
        // A name of our own list: no path of the archive's choosing.
        const std::string file = fs::path(name).filename().string();
        found.insert(file);
        return base::WriteFile((into / file).string(), contents);
      });
  if (!read) return Fail(read.error().code, read.error().message + "; fetch it again");
  return found;
}

Status InstallCifar10(const fs::path& source, const fs::path& folder) {
  fs::path place = source;
  std::error_code ignored;
  for (const Cifar10Layout layout : {Cifar10Layout::kPython, Cifar10Layout::kBinary}) {
    if (fs::is_directory(source / Cifar10Folder(layout), ignored)) {
      place = source / Cifar10Folder(layout);
    }
  }
  StagedFolder staged(folder / "cifar10.partial");
  SIGNUM_RETURN_IF_ERROR(staged.Create());
  SIGNUM_ASSIGN_OR_RETURN(const auto names, Gather(place, staged.path()));
  SIGNUM_ASSIGN_OR_RETURN(const Cifar10Layout layout, Cifar10LayoutOf(names, place.string()));
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const auto loaded = LoadCifar10(split, staged.path().string());
    if (!loaded) return tl::unexpected<Error>(loaded.error().In(source.string()));
  }
  return staged.Commit(folder / Cifar10Folder(layout));
}

Status InstallFashionMnist(const fs::path& source, const fs::path& folder) {
  std::error_code ignored;
  const fs::path place = fs::is_directory(source, ignored) ? source : source.parent_path();
  StagedFolder staged(folder / "fashion-mnist.partial");
  SIGNUM_RETURN_IF_ERROR(staged.Create());
  for (const Split split : {Split::kTrain, Split::kTest}) {
    const IdxNames names = FashionMnistFiles(split);
    for (const std::string& name : {names.images, names.labels}) {
      const bool plain = fs::exists(place / name, ignored);
      const std::string file = plain ? name : name + ".gz";
      if (!fs::exists(place / file, ignored)) {
        return NotFound(
            fmt::format("{} is missing: name the folder that has the four files of "
                        "Fashion-MNIST",
                        (place / file).string()));
      }
      SIGNUM_RETURN_IF_ERROR(CopyFile(place / file, staged.path() / file));
    }
    const auto loaded = LoadFashionMnist(split, staged.path().string(), "");
    if (!loaded) return tl::unexpected<Error>(loaded.error().In(source.string()));
  }
  return staged.Commit(folder / "fashion-mnist");
}

Status Install(const std::string& name, const fs::path& source, const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(source, ignored)) {
    return NotFound(source.string() + " does not exist; check the path");
  }
  return name == "cifar10" ? InstallCifar10(source, folder) : InstallFashionMnist(source, folder);
}

bool HasDigest(const fs::path& path, const PublishedFile& file) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return false;
  const auto digest = Sha256OfFile(path.string());
  return digest && *digest == file.sha256;
}

// Downloads the files that are not yet in `incoming` and keeps what arrives of the
// first that fails, unless that is nothing.
Status FetchAll(const std::vector<PublishedFile>& files, const fs::path& incoming, int64_t total,
                const DownloadOptions& options) {
  int64_t done = 0;
  for (const PublishedFile& file : files) {
    const fs::path arrived = incoming / file.Name();
    const std::string partial = arrived.string() + ".partial";
    const auto progress = [&](int64_t bytes) {
      if (options.progress) options.progress(done + bytes, total);
    };
    if (!HasDigest(arrived, file)) {
      const Status fetched = DownloadFile(file, partial, progress, options);
      std::error_code error;
      if (!fetched && fs::file_size(partial, error) == 0) fs::remove(partial, error);
      if (!fetched) return fetched;
      fs::rename(partial, arrived, error);
      if (error) return IoError("cannot rename " + partial + ": " + error.message());
    }
    progress(file.bytes);
    done += file.bytes;
  }
  return {};
}

}  // namespace

std::vector<PublishedFile> OfficialFiles(const std::string& dataset) {
  if (dataset == "cifar10") {
    return {{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170052171,
             "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}};
  }
  const std::string place = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";
  return {{place + "train-images-idx3-ubyte.gz", 26421880,
           "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
          {place + "train-labels-idx1-ubyte.gz", 29515,
           "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
          {place + "t10k-images-idx3-ubyte.gz", 4422102,
           "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
          {place + "t10k-labels-idx1-ubyte.gz", 5148,
           "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"}};
}

Status InstallDataset(const std::string& name, const std::string& source,
                      const std::string& folder) {
  SIGNUM_RETURN_IF_ERROR(CheckDatasetName(name));
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(folder));
  SIGNUM_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(folder));
  return Install(name, source, folder);
}

Status DownloadDataset(const std::string& name, const std::string& folder,
                       const DownloadOptions& options) {
  SIGNUM_RETURN_IF_ERROR(CheckDatasetName(name));
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(folder));
  SIGNUM_ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(folder));
  const fs::path incoming = fs::path(folder) / (name + ".download");
  SIGNUM_RETURN_IF_ERROR(base::MakeFolders(incoming.string()));

  std::vector<PublishedFile> files = options.files.empty() ? OfficialFiles(name) : options.files;
  int64_t total = 0;
  for (PublishedFile& file : files) {
    total += file.bytes;
    if (options.mirror.empty()) continue;
    const bool slash = options.mirror.back() == '/';
    file.url = options.mirror + (slash ? "" : "/") + file.Name();
  }
  const Status fetched = FetchAll(files, incoming, total, options);
  if (!fetched) {
    std::error_code ignored;
    fs::remove(incoming, ignored);  // where it is empty
    return fetched;
  }
  const fs::path source = files.size() == 1 ? incoming / files[0].Name() : incoming;
  SIGNUM_RETURN_IF_ERROR(Install(name, source, folder));
  std::error_code ignored;
  fs::remove_all(incoming, ignored);
  return {};
}

}  // namespace signum::data

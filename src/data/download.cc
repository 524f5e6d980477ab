#include "data/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "base/file.h"

namespace signum::data {
namespace {

// "https://host:443/a/b" as {"https://host:443", "/a/b"}.
struct Address {
  std::string host, path;
};

Result<Address> ParseUrl(const std::string& url) {
  const size_t scheme = url.find("://");
  const std::string protocol = url.substr(0, scheme == std::string::npos ? 0 : scheme);
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t slash = url.find('/', begin);
  if ((protocol != "http" && protocol != "https") || slash == begin || begin >= url.size()) {
    return InvalidArgument("'" + url + "' is no address: it should start with https://HOST/");
  }
  if (slash == std::string::npos) return Address{url, "/"};
  return Address{url.substr(0, slash), url.substr(slash)};
}

// httplib's own words are the names of its enumerators.
std::string Explain(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection: return "no connection to the server";
    case httplib::Error::ConnectionTimeout: return "the server does not answer";
    case httplib::Error::Read: return "the connection broke off";
    case httplib::Error::ExceedRedirectCount: return "too many redirections";
    case httplib::Error::SSLConnection: return "no encrypted connection to the server";
    case httplib::Error::SSLLoadingCerts:
    case httplib::Error::SSLServerVerification:
      return "the server's certificate is not trusted (is the package ca-certificates there?)";
    default: return "the connection failed: " + httplib::to_string(error);
  }
}

// One file on its way: what has arrived, and what went wrong outside the network.
class Transfer {
 public:
  Transfer(const PublishedFile& file, const std::string& path,
           const std::function<void(int64_t)>& progress, const DownloadOptions& options)
      : file_(file), path_(path), progress_(progress), options_(options) {}

  // Leaves a file of the published size at the path, or says why not.
  Status Run() {
    SIGNUM_ASSIGN_OR_RETURN(const Address address, ParseUrl(file_.url));
    const base::Descriptor out(open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (out.get() < 0) return base::CannotWrite(path_);
    fd_ = out.get();
    struct stat status;
    if (fstat(fd_, &status) != 0) return base::CannotWrite(path_);
    done_ = status.st_size;
    if (done_ > file_.bytes) SIGNUM_RETURN_IF_ERROR(StartOver());
    int fruitless = 0;
    while (done_ < file_.bytes) {
      const int64_t before = done_;
      SIGNUM_RETURN_IF_ERROR(Try(address));
      if (done_ == file_.bytes) break;
      fruitless = done_ > before ? 0 : fruitless + 1;
      if (fruitless >= options_.attempts) return GaveUp();
      std::this_thread::sleep_for(std::chrono::milliseconds(options_.retry_milliseconds));
    }
    if (fsync(fd_) != 0) return base::CannotWrite(path_);
    return {};
  }

 private:
  Status StartOver() {
    if (ftruncate(fd_, 0) != 0) return base::CannotWrite(path_);
    done_ = 0;
    return {};
  }

  // One request. A failure of the network is no error here: it is tried again.
  Status Try(const Address& address) {
    httplib::Client client(address.host);
    client.set_follow_location(true);
    client.set_connection_timeout(options_.timeout_seconds);
    client.set_read_timeout(options_.timeout_seconds);
    client.set_decompress(false);
    httplib::Headers headers = {{"Accept-Encoding", "identity"}, {"User-Agent", "signum"}};
    if (done_ > 0) headers.emplace("Range", fmt::format("bytes={}-", done_));
    failure_ = {};
    reason_.clear();
    const auto result = client.Get(
        address.path, headers,
        [this](const httplib::Response& response) { return Begin(response); },
        [this](const char* data, size_t size) { return Append(data, size); });
    if (!failure_) return failure_;
    if (!result && reason_.empty()) reason_ = Explain(result.error());
    return {};
  }

  bool Stop(Status failure) {
    failure_ = std::move(failure);
    return false;
  }

  bool Begin(const httplib::Response& response) {
    const auto at = [&] { return fmt::format("bytes {}-", done_); };
    if (response.status == 206 && response.get_header_value("Content-Range").rfind(at(), 0) == 0) {
      return true;
    }
    if (response.status == 200) {
      // The server sends the whole file, asked to or not.
      if (done_ == 0) return true;
      if (Status again = StartOver(); !again) return Stop(again);
      return true;
    }
    if (response.status == 206 || response.status == 416) {
      // It has another length in mind than we do: what we have is of no use.
      reason_ = fmt::format("HTTP {}, without the part that was asked for", response.status);
      if (Status again = StartOver(); !again) return Stop(again);
      return false;
    }
    reason_ = fmt::format("HTTP {} {}", response.status, response.reason);
    if (response.status >= 500 || response.status == 429) return false;
    const std::string message = fmt::format("{} answers {}{}", file_.url, reason_, Advice());
    return Stop(Fail(
        response.status == 404 || response.status == 410 ? ErrorCode::kNotFound : ErrorCode::kIo,
        message));
  }

  bool Append(const char* data, size_t size) {
    if (static_cast<int64_t>(size) > file_.bytes - done_) {
      const Status again = StartOver();
      if (!again) return Stop(again);
      return Stop(
          Corrupt(fmt::format("{} sends more than the {} bytes that {} has: it is another "
                              "file{}",
                              file_.url, file_.bytes, file_.Name(), Advice())));
    }
    while (size > 0) {
      const ssize_t n = pwrite(fd_, data, size, done_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Stop(base::CannotWrite(path_));
      data += n;
      size -= static_cast<size_t>(n);
      done_ += n;
    }
    progress_(done_);
    return true;
  }

  static std::string Advice() {
    return "; try --mirror with another address, or fetch it yourself and use --from";
  }

  Status GaveUp() const {
    const std::string reason = reason_.empty() ? "the server ends early" : reason_;
    if (done_ == 0) {
      return IoError(fmt::format("cannot download {}: {}{}", file_.url, reason, Advice()));
    }
    return IoError(
        fmt::format("{} of {} bytes of {} are here, then: {}; run this again to go on from there{}",
                    done_, file_.bytes, file_.url, reason, Advice()));
  }

  const PublishedFile& file_;
  const std::string& path_;
  const std::function<void(int64_t)>& progress_;
  const DownloadOptions& options_;
  int fd_ = -1;
  int64_t done_ = 0;
  Status failure_;      // of our side, or final: ends it
  std::string reason_;  // why the last request ended early
};

}  // namespace

std::string PublishedFile::Name() const { return url.substr(url.rfind('/') + 1); }

Result<std::string> Sha256OfFile(const std::string& path) {
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return NotFound(path + " does not exist; check the path");
    return IoError("cannot read " + path + ": " + std::strerror(errno));
  }
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  bool good = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  std::vector<uint8_t> buffer(1 << 20);
  while (good) {
    const ssize_t n = read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("cannot read " + path + ": " + std::strerror(errno));
    if (n == 0) break;
    good = EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(n)) == 1;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  good = good && EVP_DigestFinal_ex(context.get(), digest, &size) == 1;
  if (!good) return Fail(ErrorCode::kInternal, "OpenSSL cannot compute SHA-256 here");
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Status DownloadFile(const PublishedFile& file, const std::string& path,
                    const std::function<void(int64_t bytes_done)>& progress,
                    const DownloadOptions& options) {
  SIGNUM_RETURN_IF_ERROR(Transfer(file, path, progress, options).Run());
  SIGNUM_ASSIGN_OR_RETURN(const std::string digest, Sha256OfFile(path));
  if (digest == file.sha256) return {};
  unlink(path.c_str());
  return Corrupt(
      fmt::format("{} has SHA-256 {}, not {}: it is damaged or another file, and was "
                  "deleted; run this again, or try --mirror with another address",
                  file.url, digest, file.sha256));
}

}  // namespace signum::data

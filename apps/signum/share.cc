#include "share.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace signum::apps {
namespace {

namespace fs = std::filesystem;

// The folders that there are, the nearest to the executable first.
std::vector<fs::path> Folders(const std::string& kind) {
  std::error_code ignored;
  std::vector<fs::path> folders;
  fs::path at = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  while (at.has_relative_path()) {
    for (const fs::path& folder : {at / "share" / "signum" / kind, at / kind}) {
      if (fs::is_directory(folder, ignored)) folders.push_back(folder);
    }
    at = at.parent_path();
  }
  return folders;
}

}  // namespace

std::optional<std::string> FindShared(const std::string& kind, const std::string& file) {
  if (file.find('/') != std::string::npos) return std::nullopt;  // a path, which is no name
  std::error_code ignored;
  for (const fs::path& folder : Folders(kind)) {
    if (fs::is_regular_file(folder / file, ignored)) return (folder / file).string();
  }
  return std::nullopt;
}

std::vector<std::string> SharedNames(const std::string& kind, const std::string& extension) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::path& folder : Folders(kind)) {
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace signum::apps

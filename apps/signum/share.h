// The files that come with Signum: models, and recipes of training.
#ifndef SIGNUM_APPS_SHARE_H_
#define SIGNUM_APPS_SHARE_H_

#include <optional>
#include <string>
#include <vector>

namespace signum::apps {

// The path of `file` in the folder `kind` ("models", "recipes"), which lies beside one of the
// executable's parent folders in a build, and in PREFIX/share/signum where Signum is installed.
std::optional<std::string> FindShared(const std::string& kind, const std::string& file);

// The names without `extension` of the files in that folder that have it, sorted.
std::vector<std::string> SharedNames(const std::string& kind, const std::string& extension);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_SHARE_H_

#include "format/state_dict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

namespace signum {
namespace {

// Names of a part of a network that mean the same in different ports.
constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {{"linear", "fc"},
                                                                       {"shortcut", "downsample"}};

// `key` with the part `from`, between dots, called `to`; empty where it has none.
std::string Renamed(const std::string& key, std::string_view from, std::string_view to) {
  const std::string dotted = fmt::format(".{}", key), part = fmt::format(".{}.", from);
  const size_t at = dotted.find(part);
  if (at == std::string::npos) return "";
  return fmt::format("{}{}{}", dotted.substr(1, at), to, dotted.substr(at + part.size() - 1));
}

bool IsCounter(const std::string& key) {
  return key == "num_batches_tracked" || key.ends_with(".num_batches_tracked");
}

// "3 keys are missing (a, b, c)"; the longest lists are cut.
std::string Listed(const std::vector<std::string>& keys, std::string_view one,
                   std::string_view many) {
  constexpr size_t kMost = 24;
  const size_t shown = std::min(kMost, keys.size());
  std::string text = fmt::format("{} {} ({}", keys.size(), keys.size() == 1 ? one : many,
                                 fmt::join(keys.begin(), keys.begin() + shown, ", "));
  if (shown < keys.size()) text += fmt::format(" and {} more", keys.size() - shown);
  return text + ")";
}

}  // namespace

std::string ParameterKey(const Node& node, const std::string& role) {
  return node.name + "." + role;
}

StateDictMatch MatchStateDict(const Graph& graph, const TensorFile& file) {
  std::map<std::string_view, const StoredTensor*> unclaimed;
  for (const StoredTensor& tensor : file.tensors) unclaimed.emplace(tensor.key, &tensor);
  StateDictMatch match;
  const auto claim = [&](ParameterMatch& parameter, const std::string& key) {
    const auto at = unclaimed.find(key);
    if (at == unclaimed.end()) return;
    parameter.tensor = at->second;
    unclaimed.erase(at);
  };
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const auto& [role, tensor] : graph.node(id).parameters) {
      match.parameters.push_back({id, role});
      claim(match.parameters.back(), ParameterKey(graph.node(id), role));
    }
  }
  // Only what no parameter has for its own is taken by another name.
  for (ParameterMatch& parameter : match.parameters) {
    const std::string key = ParameterKey(graph.node(parameter.node), parameter.role);
    for (const auto& [left, right] : kSynonyms) {
      if (parameter.tensor == nullptr) claim(parameter, Renamed(key, left, right));
      if (parameter.tensor == nullptr) claim(parameter, Renamed(key, right, left));
    }
  }
  for (const StoredTensor& tensor : file.tensors) {
    if (unclaimed.contains(tensor.key) && !IsCounter(tensor.key)) {
      match.unexpected.push_back(tensor.key);
    }
  }
  for (const std::string& key : file.others) {
    if (!IsCounter(key)) match.unexpected.push_back(key);
  }
  return match;
}

Status AssignStateDict(const StateDictMatch& match, const AssignOptions& options, Graph& graph) {
  std::vector<std::string> missing, misshaped, problems;
  for (const ParameterMatch& parameter : match.parameters) {
    const Node& node = graph.node(parameter.node);
    const Shape& shape = node.Find(parameter.role)->shape();
    if (parameter.tensor == nullptr) {
      missing.push_back(ParameterKey(node, parameter.role));
    } else if (parameter.tensor->sizes != shape.sizes()) {
      misshaped.push_back(fmt::format("{} is {}, needs {}", parameter.tensor->key,
                                      parameter.tensor->ShapeText(), shape.ToString()));
    }
  }
  std::string advice = "choose the --arch, --variant, --input and --classes that it was made with";
  if (!missing.empty() && !options.allow_missing) {
    problems.push_back(Listed(missing, "key is missing", "keys are missing"));
    advice += ", or --allow-missing";
  }
  if (!match.unexpected.empty() && !options.allow_unexpected) {
    problems.push_back(Listed(match.unexpected, "key is unexpected", "keys are unexpected"));
    advice += ", or --allow-unexpected";
  }
  if (!misshaped.empty()) {
    problems.push_back(Listed(misshaped, "tensor has another shape", "tensors have other shapes"));
  }
  if (!problems.empty()) {
    return InvalidArgument(
        fmt::format("does not fit {}: {}; {}", graph.name, fmt::join(problems, "; "), advice));
  }
  for (const ParameterMatch& parameter : match.parameters) {
    if (parameter.tensor == nullptr) continue;
    SIGNUM_ASSIGN_OR_RETURN(Tensor tensor, ToFloats(*parameter.tensor));
    graph.node(parameter.node).parameters[parameter.role] = std::move(tensor);
  }
  return {};
}

}  // namespace signum

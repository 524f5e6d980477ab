#include "data/semantics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/canvas.h"

namespace signum::data {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::vector<int> Children(const SemanticNetwork& network, int node) {
  std::vector<int> children;
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    if (network.nodes[i].parent == node) children.push_back(static_cast<int>(i));
  }
  return children;
}

const SemanticNetwork::Node& At(const SemanticNetwork& network, int node) {
  return network.nodes[static_cast<size_t>(node)];
}

void AppendTree(const SemanticNetwork& network, int node, const std::string& indent,
                std::string* out) {
  const std::vector<int> children = Children(network, node);
  for (const int child : children) {
    const bool last = child == children.back();
    *out += indent + (last ? "└── " : "├── ") + At(network, child).name + "\n";
    AppendTree(network, child, indent + (last ? "    " : "│   "), out);
  }
}

OrderedJson NestedJson(const SemanticNetwork& network, int node) {
  OrderedJson json = {{"name", At(network, node).name}};
  for (const int child : Children(network, node)) {
    json["children"].push_back(NestedJson(network, child));
  }
  return json;
}

// From near white at 0 through a light blue at 1/2 to a deep one at 1.
Colour Blue(double similarity) {
  constexpr std::array<std::array<int, 3>, 3> kStops = {
      {{247, 251, 255}, {107, 174, 214}, {8, 48, 107}}};
  const double at = 2 * std::clamp(similarity, 0.0, 1.0);
  const size_t from = at < 1 ? 0 : 1;
  Colour colour;
  for (size_t c = 0; c < colour.size(); ++c) {
    const double mixed = kStops[from][c] +
                         (at - static_cast<double>(from)) * (kStops[from + 1][c] - kStops[from][c]);
    colour[c] = static_cast<uint8_t>(std::lround(mixed));
  }
  return colour;
}

constexpr int kScale = 2;
constexpr int64_t kCell = 56;
constexpr int64_t kGap = 10;

void DrawScale(Image* image, int64_t x, int64_t y, int64_t height) {
  for (int64_t row = 0; row < height; ++row) {
    const double value = 1 - static_cast<double>(row) / static_cast<double>(height - 1);
    FillRectangle(image, x, y + row, 20, 1, Blue(value));
  }
  DrawText(image, x + 26, y, "1", kScale, kBlack);
  DrawText(image, x + 26, y + height - TextHeight(kScale), "0", kScale, kBlack);
}

}  // namespace

int SemanticNetwork::Depth(int node) const {
  int depth = 0;
  for (; node >= 0; node = nodes[static_cast<size_t>(node)].parent) ++depth;
  return depth;
}

int SemanticNetwork::LeastCommonSubsumer(int a, int b) const {
  // A parent comes before its children, so the later of two different nodes is no
  // ancestor of the other.
  while (a != b) {
    int& later = a > b ? a : b;
    later = nodes[static_cast<size_t>(later)].parent;
  }
  return a;
}

SemanticNetwork Cifar10Semantics() {
  SemanticNetwork network;
  network.dataset = "cifar10";
  const auto add = [&](const char* name, int parent) {
    network.nodes.push_back({name, parent});
    return static_cast<int>(network.nodes.size()) - 1;
  };
  const int entity = add("entity", -1);
  const int artifact = add("artifact", entity);
  const int land_vehicle = add("land vehicle", artifact);
  const int automobile = add("automobile", land_vehicle);
  const int truck = add("truck", land_vehicle);
  const int airplane = add("airplane", add("aircraft", artifact));
  const int ship = add("ship", add("watercraft", artifact));
  const int living_thing = add("living thing", entity);
  const int mammal = add("mammal", living_thing);
  const int carnivore = add("carnivore", mammal);
  const int cat = add("cat", carnivore);
  const int dog = add("dog", carnivore);
  const int ungulate = add("ungulate", mammal);
  const int deer = add("deer", ungulate);
  const int horse = add("horse", ungulate);
  const int bird = add("bird", living_thing);
  const int frog = add("frog", add("amphibian", living_thing));
  network.class_nodes = {airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck};
  return network;
}

std::vector<std::vector<double>> WuPalmerSimilarity(const SemanticNetwork& network) {
  const size_t classes = network.class_nodes.size();
  std::vector<std::vector<double>> similarity(classes, std::vector<double>(classes));
  for (size_t i = 0; i < classes; ++i) {
    for (size_t j = 0; j < classes; ++j) {
      const int a = network.class_nodes[i], b = network.class_nodes[j];
      const int common = network.Depth(network.LeastCommonSubsumer(a, b));
      similarity[i][j] = 2.0 * common / (network.Depth(a) + network.Depth(b));
    }
  }
  return similarity;
}

BranchSimilarity CompareBranches(const SemanticNetwork& network) {
  const auto similarity = WuPalmerSimilarity(network);
  double sums[2] = {0, 0};
  int counts[2] = {0, 0};
  for (size_t i = 0; i < similarity.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const int common =
          network.LeastCommonSubsumer(network.class_nodes[i], network.class_nodes[j]);
      const int between = common == 0 ? 1 : 0;
      sums[between] += similarity[i][j];
      ++counts[between];
    }
  }
  return {sums[0] / std::max(counts[0], 1), sums[1] / std::max(counts[1], 1)};
}

std::string SemanticTree(const SemanticNetwork& network) {
  std::string tree = network.nodes[0].name + "\n";
  AppendTree(network, 0, "", &tree);
  return tree;
}

std::string SimilarityTable(const SemanticNetwork& network) {
  const auto similarity = WuPalmerSimilarity(network);
  size_t widest = 4;
  for (size_t i = 0; i < similarity.size(); ++i) {
    widest = std::max(widest, network.class_name(i).size());
  }
  std::string table(widest, ' ');
  for (size_t j = 0; j < similarity.size(); ++j) {
    table += fmt::format("  {:>{}}", network.class_name(j), 4);
  }
  for (size_t i = 0; i < similarity.size(); ++i) {
    table += fmt::format("\n{:<{}}", network.class_name(i), widest);
    for (size_t j = 0; j < similarity.size(); ++j) {
      table += fmt::format("  {:>{}.2f}", similarity[i][j],
                           std::max<size_t>(4, network.class_name(j).size()));
    }
  }
  return table + "\n";
}

std::string SemanticJson(const SemanticNetwork& network) {
  OrderedJson json;
  json["dataset"] = network.dataset;
  json["measure"] =
      "Wu and Palmer 1994: 2 depth(c) / (depth(a) + depth(b)), c the least common "
      "subsumer, depths in nodes from the root";
  for (size_t i = 0; i < network.class_nodes.size(); ++i) {
    json["classes"].push_back(network.class_name(i));
  }
  json["similarity"] = WuPalmerSimilarity(network);
  const BranchSimilarity branches = CompareBranches(network);
  json["mean_similarity"] = {{"within_branch", branches.within},
                             {"between_branches", branches.between}};
  json["network"] = NestedJson(network, 0);
  return json.dump(2) + "\n";
}

Image SimilarityHeatMap(const SemanticNetwork& network) {
  const auto similarity = WuPalmerSimilarity(network);
  const int64_t classes = static_cast<int64_t>(similarity.size());
  int64_t label = 0;
  for (size_t i = 0; i < similarity.size(); ++i) {
    label = std::max(label, TextWidth(network.class_name(i), kScale));
  }
  const int64_t text = TextHeight(kScale);
  const int64_t left = kGap + label + kGap, top = kGap + text + 2 * kGap + label + kGap;
  const int64_t side = classes * kCell;
  Image image = MakeImage(3, top + side + 2 * kGap, left + side + 6 * kGap + 20, 255);
  DrawText(&image, kGap, kGap, network.dataset + ": similarity of classes (Wu-Palmer)", kScale,
           kBlack);
  for (int64_t i = 0; i < classes; ++i) {
    const std::string& name = network.class_name(static_cast<size_t>(i));
    const int64_t width = TextWidth(name, kScale);
    const int64_t middle = i * kCell + (kCell - text) / 2;
    DrawText(&image, left - kGap - width, top + middle, name, kScale, kBlack);
    DrawTextUpwards(&image, left + middle, top - kGap - width, name, kScale, kBlack);
    for (int64_t j = 0; j < classes; ++j) {
      const double value = similarity[static_cast<size_t>(i)][static_cast<size_t>(j)];
      const int64_t x = left + j * kCell, y = top + i * kCell;
      FillRectangle(&image, x, y, kCell - 1, kCell - 1, Blue(value));
      const std::string number = fmt::format("{:.2f}", value);
      DrawText(&image, x + (kCell - TextWidth(number, kScale)) / 2, y + (kCell - text) / 2, number,
               kScale, value > 0.65 ? kWhite : kBlack);
    }
  }
  DrawScale(&image, left + side + 2 * kGap, top, side);
  return image;
}

}  // namespace signum::data

// What the classes of a dataset mean: a semantic network in which every class has
// its place, and the similarity of classes that follows from it. Needs no images.
#ifndef SIGNUM_DATA_SEMANTICS_H_
#define SIGNUM_DATA_SEMANTICS_H_

#include <string>
#include <vector>

#include "data/image.h"

namespace signum::data {

// A tree of "is a" relations.
struct SemanticNetwork {
  struct Node {
    std::string name;
    int parent = -1;  // index of the more general concept, before this one; -1: the root
  };
  std::string dataset;
  std::vector<Node> nodes;       // the root is the first
  std::vector<int> class_nodes;  // the node of each class, in the order of the labels

  const std::string& class_name(size_t label) const {
    return nodes[static_cast<size_t>(class_nodes[label])].name;
  }
  // Nodes on the way from the root to this one, both counted: 1 for the root.
  int Depth(int node) const;
  // The most special concept that is both: a node counts among its own.
  int LeastCommonSubsumer(int a, int b) const;
};

// CIFAR-10's: artifacts (vehicles on land, in the air, on water) and living things
// (mammals, birds, amphibians).
SemanticNetwork Cifar10Semantics();

// {classes, classes}, symmetric, in (0, 1], 1 on the diagonal:
//   2 depth(c) / (depth(a) + depth(b)), c their least common subsumer
// (Z. Wu and M. Palmer, "Verb semantics and lexical selection", ACL 1994), with
// depth in nodes as WordNet's implementations count it.
std::vector<std::vector<double>> WuPalmerSimilarity(const SemanticNetwork& network);

// The mean similarity of two different classes on the same side of the root's
// children, and on opposite sides.
struct BranchSimilarity {
  double within = 0, between = 0;
};
BranchSimilarity CompareBranches(const SemanticNetwork& network);

// A tree of box-drawing characters (UTF-8), one node a line.
std::string SemanticTree(const SemanticNetwork& network);
// The matrix as a table of two decimals.
std::string SimilarityTable(const SemanticNetwork& network);
// One object: dataset, measure, classes, similarity (rows), branches and the
// network as nested {name, children}. Indented, ends with a newline.
std::string SemanticJson(const SemanticNetwork& network);
// An RGB image of the matrix with labelled axes: the higher, the deeper the blue.
Image SimilarityHeatMap(const SemanticNetwork& network);

}  // namespace signum::data

#endif  // SIGNUM_DATA_SEMANTICS_H_

// Refusals: what of a model cannot be imported, node by node, as the text of one error.
// Knows no protobuf.
#ifndef SIGNUM_ONNX_REFUSALS_H_
#define SIGNUM_ONNX_REFUSALS_H_

#include <cstddef>
#include <string>
#include <vector>

namespace signum::onnx {

class Refusals {
 public:
  void Add(const std::string& node, const std::string& op, const std::string& reason);
  // Counts a node that reads what was refused, and of which nothing is known therefore.
  void AddBehind() { ++behind_; }

  bool empty() const { return lines_.empty(); }
  // Names every node that was added, with its operator; the first 20 with their reasons.
  // At most 60,000 bytes: of a model with more such nodes the rest is counted.
  std::string Text() const;

 private:
  struct Line {
    std::string node, reason;  // "'conv1' (Conv)"
  };
  std::vector<Line> lines_;
  int behind_ = 0;
};

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_REFUSALS_H_

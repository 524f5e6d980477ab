// Layouts: which values of codes have a ring around their map, and which are bits. Decided
// before any step is made, from who writes a value and all who read it. Knows the graph
// and the instruction set only.
#ifndef SIGNUM_RUNTIME_LAYOUT_H_
#define SIGNUM_RUNTIME_LAYOUT_H_

#include <vector>

#include "base/cpu.h"
#include "graph/graph.h"
#include "runtime/chains.h"

namespace signum::runtime {

struct Layout {
  Padding ring;
  int pad_code = 0;  // what the ring stands for, in codes from the zero point; 0 for bits
  bool bits = false;
};

inline bool IsDense(const Layout& layout) { return layout.ring == Padding{} && !layout.bits; }

// By node id. A value that an operator reads that knows dense maps only is dense, as are
// `kept` ones (by id; may be empty) and the graph's output.
std::vector<Layout> PlanLayouts(const Graph& graph, const std::vector<Shape>& shapes,
                                const std::vector<Chain>& chains, const std::vector<bool>& kept);

// Whether a Flatten does nothing, because linear layers alone read it, which are
// convolutions over the whole map then.
bool IsFlattenOfWindows(const Graph& graph, NodeId id, const std::vector<bool>& kept);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_LAYOUT_H_

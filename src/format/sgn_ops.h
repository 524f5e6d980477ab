// The operators of the graph to and from the tables of sgn.fbs. Internal to
// this room; includes the generated header, which the rest of Signum never sees.
#ifndef SIGNUM_FORMAT_SGN_OPS_H_
#define SIGNUM_FORMAT_SGN_OPS_H_

#include <vector>

#include "graph/ops.h"
#include "sgn_generated.h"
#include "signum/result.h"

namespace signum::format {

// An operator's table in a buffer under construction.
struct WrittenOp {
  sgn::Op type = sgn::Op::NONE;
  flatbuffers::Offset<void> table;
};
WrittenOp WriteOp(flatbuffers::FlatBufferBuilder& builder, const Op& op);

// The sizes of a shape, or of something else with an entry per axis. More axes
// than kMaxRank, sizes whose sum could overflow, and a vector that is not
// aligned (FlatBuffers' Verifier checks only its length's place) are errors.
Result<std::vector<int64_t>> ReadAxes(const flatbuffers::Vector<int64_t>& axes);

// The operator of a node that has passed FlatBuffers' Verifier. An operator or
// enumerator that this version does not know, and what ReadAxes refuses, are
// errors. Whether attributes make sense is for Verify to judge.
Result<Op> ReadOp(const sgn::Node& node);

// The bytes that ReadOp copies beyond a fixed size per node, by which a file
// that refers to one table many times is told from an honest one.
size_t VariableBytes(const sgn::Node& node);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_SGN_OPS_H_

#include "format/sgn_writer.h"

#include <iterator>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "format/accumulator_bounds.h"
#include "format/packed_codes.h"
#include "format/sgn.h"
#include "format/sgn_ops.h"
#include "format/sgn_wire.h"

namespace signum {
namespace format {
namespace {

using flatbuffers::Offset;
using flatbuffers::Vector;

sgn::Role RoleOf(const std::string& name) {
  for (sgn::Role role : sgn::EnumValuesRole()) {
    if (name == sgn::EnumNameRole(role)) return role;
  }
  SIGNUM_CHECK(!"a role that Verify knows and sgn.fbs does not");
  return sgn::Role::MAX;
}

// Builds one file. Equal operators and shapes are written once: a network has
// few distinct ones, and they would outweigh its 1-bit weights.
class Writer {
 public:
  std::vector<uint8_t> Write(const Graph& graph, const std::string& producer) {
    return Write(graph, /*bits=*/0, {}, producer);
  }

  std::vector<uint8_t> Write(const PrecisionGraphs& graphs, const std::string& producer) {
    std::vector<std::pair<int, const Graph*>> fewer;
    for (auto at = std::next(graphs.rbegin()); at != graphs.rend(); ++at) {
      fewer.emplace_back(at->first, &at->second);
    }
    return Write(graphs.rbegin()->second, graphs.rbegin()->first, fewer, producer);
  }

 private:
  std::vector<uint8_t> Write(const Graph& graph, int bits,
                             const std::vector<std::pair<int, const Graph*>>& fewer,
                             const std::string& producer) {
    std::vector<Offset<sgn::Precision>> precisions;
    for (const auto& [narrow, other] : fewer) {
      const auto written = builder_.CreateVector(WriteNodes(*other));
      precisions.push_back(sgn::CreatePrecision(builder_, static_cast<uint32_t>(narrow), written));
    }
    const std::vector<Offset<sgn::Node>> nodes = WriteNodes(graph);
    std::vector<Offset<sgn::Fact>> facts;
    for (const auto& [key, value] : graph.metadata) {
      const auto written_key = builder_.CreateString(key);
      facts.push_back(sgn::CreateFact(builder_, written_key, builder_.CreateString(value)));
    }
    const auto written_nodes = builder_.CreateVector(nodes);
    const auto written_precisions = precisions.empty() ? 0 : builder_.CreateVector(precisions);
    const auto metadata = facts.empty() ? 0 : builder_.CreateVector(facts);
    const auto class_names =
        graph.class_names.empty() ? 0 : builder_.CreateVectorOfStrings(graph.class_names);
    const auto name = builder_.CreateString(graph.name);
    const auto written_producer = builder_.CreateString(producer);
    // The seal's fields must be present to be filled in: not 0, the default.
    const auto model = sgn::CreateModel(
        builder_, kFormatVersion, /*file_bytes=*/1, /*checksum=*/1, written_producer, name,
        class_names, metadata, written_nodes, static_cast<uint32_t>(bits), written_precisions);
    builder_.Finish(model, sgn::ModelIdentifier());
    return Sealed();
  }

  std::vector<Offset<sgn::Node>> WriteNodes(const Graph& graph) {
    std::vector<Offset<sgn::Node>> nodes;
    for (NodeId id = 0; id < graph.size(); ++id) nodes.push_back(WriteNode(graph.node(id), id));
    return nodes;
  }

  std::vector<uint8_t> Sealed() {
    const std::span<const uint8_t> span(builder_.GetBufferPointer(), builder_.GetSize());
    std::vector<uint8_t> bytes(span.begin(), span.end());
    auto* model = flatbuffers::GetMutableRoot<flatbuffers::Table>(bytes.data());
    model->SetField<uint64_t>(sgn::Model::VT_FILE_BYTES, bytes.size());
    const auto skip =
        static_cast<size_t>(model->GetAddressOf(sgn::Model::VT_CHECKSUM) - bytes.data());
    model->SetField<uint64_t>(sgn::Model::VT_CHECKSUM, Checksum(bytes, skip));
    return bytes;
  }

  Offset<sgn::Node> WriteNode(const Node& node, NodeId id) {
    const WrittenOp op = WriteSharedOp(node.op);
    std::vector<Offset<sgn::Parameter>> parameters;
    // std::map's order of roles is alphabetic; the file's is that of the enum,
    // which a role added later does not disturb.
    std::map<sgn::Role, const Tensor*> by_role;
    for (const auto& [role, tensor] : node.parameters) by_role[RoleOf(role)] = &tensor;
    for (const auto& [role, tensor] : by_role) {
      parameters.push_back(WriteParameter(role, *tensor, WeightQuantizerOf(node.op)));
    }
    const auto written = parameters.empty() ? 0 : builder_.CreateVector(parameters);
    const bool from_before = id == 0 || node.inputs == std::vector<NodeId>{id - 1};
    const auto inputs = from_before ? 0 : builder_.CreateVector(node.inputs);
    const auto name = builder_.CreateString(node.name);
    return sgn::CreateNode(builder_, name, op.type, op.table, inputs, written);
  }

  WrittenOp WriteSharedOp(const Op& op) {
    for (const auto& [known, written] : ops_) {
      if (*known == op) return written;
    }
    const WrittenOp written = WriteOp(builder_, op);
    // The reader's budget counts a Normalize's vectors once for each node.
    if (!std::holds_alternative<NormalizeOp>(op)) ops_.emplace_back(&op, written);
    return written;
  }

  Offset<Vector<int64_t>> WriteSharedShape(const Shape& shape) {
    const auto [at, inserted] = shapes_.try_emplace(shape.sizes());
    if (inserted) at->second = builder_.CreateVector(shape.sizes());
    return at->second;
  }

  Offset<sgn::Parameter> WriteParameter(sgn::Role role, const Tensor& tensor,
                                        const WeightQuantizer* quantizer) {
    const auto shape = WriteSharedShape(tensor.shape());
    if (tensor.type() == DataType::kInt8) {
      SIGNUM_CHECK(quantizer != nullptr);
      const auto data = builder_.CreateVector(PackCodes(tensor.codes(), quantizer->bits));
      return sgn::CreateParameter(builder_, role, sgn::Encoding::codes, shape, data);
    }
    const std::span<const float> values = tensor.floats();
    uint8_t* bytes = nullptr;
    const Offset<Vector<uint8_t>> data =
        builder_.CreateUninitializedVector(values.size_bytes(), &bytes);
    for (size_t i = 0; i < values.size(); ++i) {
      flatbuffers::WriteScalar(bytes + i * sizeof(float), values[i]);
    }
    return sgn::CreateParameter(builder_, role, sgn::Encoding::float32, shape, data);
  }

  flatbuffers::FlatBufferBuilder builder_;
  std::vector<std::pair<const Op*, WrittenOp>> ops_;
  std::map<std::vector<int64_t>, Offset<Vector<int64_t>>> shapes_;
};

}  // namespace

std::vector<uint8_t> SerializeSgnAs(const Graph& graph, const std::string& producer) {
  SIGNUM_CHECK(CheckLimits(graph).has_value());
  return Writer().Write(graph, producer);
}

}  // namespace format

namespace {

// What the reader would refuse is not written: the one who made the graph is
// still there to mend it.
Status CheckWritable(const Graph& graph, const std::string& path) {
  Status fits = Verify(graph);
  if (fits) fits = CheckAccumulators(graph);
  if (fits) fits = format::CheckLimits(graph);
  if (!fits) return tl::unexpected(fits.error().In("cannot write " + path));
  return {};
}

}  // namespace

std::vector<uint8_t> SerializeSgn(const Graph& graph) {
  return format::SerializeSgnAs(graph, "signum " SIGNUM_VERSION);
}

Status WriteSgn(const Graph& graph, const std::string& path) {
  SIGNUM_RETURN_IF_ERROR(CheckWritable(graph, path));
  return base::WriteFile(path, SerializeSgn(graph));
}

std::vector<uint8_t> SerializeSgn(const PrecisionGraphs& graphs) {
  SIGNUM_CHECK(graphs.size() >= 2 && graphs.size() <= format::kMaxPrecisions);
  return format::Writer().Write(graphs, "signum " SIGNUM_VERSION);
}

Status WriteSgn(const PrecisionGraphs& graphs, const std::string& path) {
  size_t nodes = 0, bytes = 0;
  for (const auto& [bits, graph] : graphs) {
    SIGNUM_CHECK((bits >= 1 && bits <= 8) || bits == 32);
    SIGNUM_CHECK(graph.class_names == graphs.rbegin()->second.class_names);
    SIGNUM_RETURN_IF_ERROR(CheckWritable(graph, path));
    nodes += static_cast<size_t>(graph.size());
    bytes += format::EstimatedBytes(graph);
  }
  if (nodes > format::kMaxNodes || bytes > format::kMaxFileBytes) {
    return Fail(ErrorCode::kResourceExhausted,
                "cannot write " + path + ": its precisions together are larger than a .sgn file");
  }
  return base::WriteFile(path, SerializeSgn(graphs));
}

}  // namespace signum

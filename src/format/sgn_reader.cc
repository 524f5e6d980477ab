#include "format/sgn_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "format/accumulator_bounds.h"
#include "format/packed_codes.h"
#include "format/sgn.h"
#include "format/sgn_ops.h"
#include "format/sgn_wire.h"

namespace signum {
namespace format {
namespace {

tl::unexpected<Error> Damaged(const std::string& how) {
  return Corrupt("truncated or damaged: " + how + kCopyAgain);
}

// Checks what stands before the contents, in the order in which it tells the
// most: mark, version, length, checksum. The version comes before all that a
// later version may lay out in another way.
Status CheckSeal(std::span<const uint8_t> bytes, flatbuffers::Verifier verifier) {
  using sgn::Model;
  const auto offset = verifier.VerifyOffset(size_t{0});
  if (offset == 0) return Damaged("its first offset points outside");
  const auto* root = flatbuffers::GetRoot<flatbuffers::Table>(bytes.data());
  if (!root->VerifyTableStart(verifier) ||
      !root->VerifyField<uint32_t>(verifier, Model::VT_FORMAT_VERSION, sizeof(uint32_t)) ||
      !root->VerifyField<uint64_t>(verifier, Model::VT_FILE_BYTES, sizeof(uint64_t)) ||
      !root->VerifyField<uint64_t>(verifier, Model::VT_CHECKSUM, sizeof(uint64_t))) {
    return Damaged(fmt::format("the header at byte {} is not whole", offset));
  }
  const auto version = root->GetField<uint32_t>(Model::VT_FORMAT_VERSION, 0);
  if (version > kFormatVersion) {
    return Unsupported(
        fmt::format("has format version {}, this Signum reads up to {}: made by a newer Signum; "
                    "update",
                    version, kFormatVersion));
  }
  const auto file_bytes = root->GetField<uint64_t>(Model::VT_FILE_BYTES, 0);
  if (file_bytes != bytes.size()) {
    return Damaged(fmt::format("has {} bytes, expected {}", bytes.size(), file_bytes));
  }
  const uint8_t* field = root->GetAddressOf(Model::VT_CHECKSUM);
  if (version == 0 || field == nullptr) return Damaged("the header has no version or checksum");
  const auto skip = static_cast<size_t>(field - bytes.data());
  if (Checksum(bytes, skip) != root->GetField<uint64_t>(Model::VT_CHECKSUM, 0)) {
    return Damaged("the checksum does not match the contents");
  }
  return {};
}

// The root of a buffer that is safe to walk. `bytes` must be aligned to 8.
Result<const sgn::Model*> Open(std::span<const uint8_t> bytes) {
  if (bytes.size() < 8) return Damaged(fmt::format("has only {} bytes", bytes.size()));
  if (!sgn::ModelBufferHasIdentifier(bytes.data())) {
    return Corrupt(
        "not a Signum model (no SGN1 mark at byte 4); name a .sgn file, or import this one");
  }
  if (bytes.size() > kMaxFileBytes - 1) {
    return Fail(ErrorCode::kResourceExhausted, "larger than the 2 GiB that a .sgn file may have");
  }
  // Honest files nest 4 deep. A node is a table, and has an operator and at
  // most one parameter for each role.
  constexpr size_t kTablesPerNode = 2 + static_cast<size_t>(sgn::Role::MAX) + 1;
  const flatbuffers::Verifier::Options options{
      .max_depth = 8, .max_tables = 1 + kMaxFacts + kMaxPrecisions + kMaxNodes * kTablesPerNode};
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), options);
  SIGNUM_RETURN_IF_ERROR(CheckSeal(bytes, verifier));
  if (!sgn::VerifyModelBuffer(verifier)) {
    return Corrupt(
        "malformed: an offset or length leads outside the file, or it has too many "
        "parts; export it again");
  }
  return sgn::GetModel(bytes.data());
}

using Nodes = flatbuffers::Vector<flatbuffers::Offset<sgn::Node>>;

const Nodes* NodesOf(const sgn::Model& model, int bits) {
  if (bits == 0 || static_cast<uint32_t>(bits) == model.bits()) return model.nodes();
  if (model.precisions() == nullptr) return nullptr;
  for (const sgn::Precision* precision : *model.precisions()) {
    if (precision->bits() == static_cast<uint32_t>(bits)) return precision->nodes();
  }
  return nullptr;
}

// By rising bits; empty where there is no choice.
std::vector<int> PrecisionsOf(const sgn::Model& model) {
  std::vector<int> bits;
  if (model.precisions() == nullptr) return bits;
  bits.push_back(static_cast<int>(model.bits()));
  for (const sgn::Precision* precision : *model.precisions()) {
    bits.push_back(static_cast<int>(precision->bits()));
  }
  std::sort(bits.begin(), bits.end());
  return bits;
}

// Whether the precisions are what a reader may choose from.
Status CheckPrecisions(const sgn::Model& model) {
  if (model.precisions() == nullptr) {
    return model.bits() == 0 ? Status()
                             : Corrupt("has a number of bits, but nothing to choose from");
  }
  const size_t count = model.precisions()->size();
  if (count == 0 || count > kMaxPrecisions) {
    return Corrupt(
        fmt::format("has {} further precisions; 1 to {} are possible", count, kMaxPrecisions));
  }
  uint32_t above = model.bits();
  const auto fits = [](uint32_t bits) { return (bits >= 1 && bits <= 8) || bits == 32; };
  if (!fits(above)) return Corrupt(fmt::format("has a precision of {} bits", above));
  for (const sgn::Precision* precision : *model.precisions()) {
    if (!fits(precision->bits()) || precision->bits() >= above) {
      return Corrupt(
          fmt::format("has a precision of {} bits below one of {}", precision->bits(), above));
    }
    above = precision->bits();
  }
  return {};
}

// Turns verified tables into a Graph. What it copies is charged to a budget of
// the file's size: FlatBuffers lets many offsets lead to the same bytes, by
// which a small file could unfold into a huge graph.
class Reader {
 public:
  explicit Reader(size_t file_bytes) : budget_(file_bytes) {}

  // Of the precision of `bits`, or for 0 of the most.
  Result<Graph> Read(const sgn::Model& model, int bits) {
    SIGNUM_RETURN_IF_ERROR(CheckPrecisions(model));
    const Nodes* nodes = NodesOf(model, bits);
    if (nodes == nullptr) {
      const std::vector<int> there = PrecisionsOf(model);
      return NotFound(there.empty()
                          ? std::string("is one network, not a choice of bits; leave out --bits")
                          : fmt::format("has no precision of {} bits; it has {}", bits,
                                        fmt::join(there, ", ")));
    }
    Graph graph;
    SIGNUM_RETURN_IF_ERROR(ReadFacts(model, graph));
    if (nodes->size() > kMaxNodes) {
      return Corrupt(
          fmt::format("has {} nodes; at most {} are possible", nodes->size(), kMaxNodes));
    }
    std::set<std::string> names;
    for (const sgn::Node* node : *nodes) {
      const NodeId id = graph.size();
      Result<std::string> name = ReadText(*node->name(), kMaxNameBytes, false);
      if (!name) return tl::unexpected(name.error().In(fmt::format("name of node {}", id)));
      if (!names.insert(*name).second) {
        return Corrupt(fmt::format("nodes '{}': two of them have this name", *name));
      }
      Status added = AddNode(*node, *name, graph);
      if (!added) return tl::unexpected(added.error().In(fmt::format("node '{}'", *name)));
    }
    return graph;
  }

 private:
  Status Take(size_t bytes) {
    if (bytes > budget_) return Corrupt("its parts add up to more bytes than the file has");
    budget_ -= bytes;
    return {};
  }

  Result<std::string> ReadText(const flatbuffers::String& text, size_t max_bytes, bool lines) {
    SIGNUM_RETURN_IF_ERROR(Take(text.size()));
    if (text.size() <= max_bytes && IsText({text.data(), text.size()}, lines)) return text.str();
    return Corrupt(fmt::format("'{}' is not UTF-8, holds control characters or has over {} bytes",
                               Printable({text.data(), text.size()}), max_bytes));
  }

  Status ReadFacts(const sgn::Model& model, Graph& graph) {
    if (model.name() != nullptr) {
      SIGNUM_ASSIGN_OR_RETURN(graph.name, ReadText(*model.name(), kMaxNameBytes, false));
    }
    if (model.class_names() != nullptr) {
      for (const flatbuffers::String* class_name : *model.class_names()) {
        // The terminator and the offset are charged too: empty names are not free.
        SIGNUM_RETURN_IF_ERROR(Take(1 + sizeof(flatbuffers::uoffset_t)));
        SIGNUM_ASSIGN_OR_RETURN(std::string text, ReadText(*class_name, kMaxNameBytes, false));
        graph.class_names.push_back(std::move(text));
      }
    }
    if (model.metadata() == nullptr) return {};
    for (const sgn::Fact* fact : *model.metadata()) {
      SIGNUM_ASSIGN_OR_RETURN(std::string key, ReadText(*fact->key(), kMaxNameBytes, false));
      SIGNUM_ASSIGN_OR_RETURN(std::string value, ReadText(*fact->value(), kMaxFactBytes, true));
      if (!graph.metadata.emplace(key, std::move(value)).second) {
        return Corrupt(fmt::format("metadata '{}' is given twice", key));
      }
    }
    return {};
  }

  Status AddNode(const sgn::Node& node, const std::string& name, Graph& graph) {
    SIGNUM_RETURN_IF_ERROR(Take(VariableBytes(node)));
    SIGNUM_ASSIGN_OR_RETURN(Op op, ReadOp(node));
    std::vector<NodeId> inputs;
    if (node.inputs() != nullptr) {
      SIGNUM_RETURN_IF_ERROR(Take(node.inputs()->size() * sizeof(NodeId)));
      inputs.assign(node.inputs()->begin(), node.inputs()->end());
    } else if (graph.size() > 0) {
      inputs = {graph.size() - 1};
    }
    for (NodeId input : inputs) {
      if (input >= 0 && input < graph.size()) continue;
      return Corrupt(fmt::format("input {} is not an earlier node of {}", input, graph.size()));
    }
    std::map<std::string, Tensor> parameters;
    if (node.parameters() != nullptr) {
      SIGNUM_RETURN_IF_ERROR(ReadParameters(*node.parameters(), op, parameters));
    }
    graph.Add(name, std::move(op), std::move(inputs), std::move(parameters));
    return {};
  }

  Status ReadParameters(const flatbuffers::Vector<flatbuffers::Offset<sgn::Parameter>>& tables,
                        const Op& op, std::map<std::string, Tensor>& parameters) {
    for (const sgn::Parameter* table : tables) {
      if (table->role() > sgn::Role::MAX) {
        return Unsupported(
            fmt::format("parameter role {} is not one that this version knows; "
                        "update Signum",
                        static_cast<int>(table->role())));
      }
      const std::string role = sgn::EnumNameRole(table->role());
      if (parameters.contains(role)) return Corrupt(role + " is given twice");
      Result<Tensor> tensor = ReadTensor(*table, op);
      if (!tensor)
        return tl::unexpected(Error{tensor.error().code, role + " " + tensor.error().message});
      parameters.emplace(role, *std::move(tensor));
    }
    return {};
  }

  // Errors continue a sentence that starts with the parameter's role.
  Result<Tensor> ReadTensor(const sgn::Parameter& table, const Op& op) {
    SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ReadAxes(*table.shape()));
    Shape shape(std::move(sizes));
    const int64_t count = CheckedElements(shape);
    if (count < 0) return Corrupt("has the impossible shape " + shape.ToString());
    const WeightQuantizer* quantizer = WeightQuantizerOf(op);
    const bool codes = table.encoding() == sgn::Encoding::codes;
    if (table.encoding() > sgn::Encoding::MAX) {
      return Unsupported(
          fmt::format("has encoding {}, which this version does not know; update "
                      "Signum",
                      static_cast<int>(table.encoding())));
    }
    if (codes && (quantizer == nullptr || quantizer->bits < 1 || quantizer->bits > 8)) {
      return Corrupt("holds codes, but the node has no weight quantizer of 1 to 8 bits");
    }
    const int64_t expected = PackedBytes(count, codes ? quantizer->bits : 32);
    const std::span<const uint8_t> data(table.data()->data(), table.data()->size());
    if (static_cast<int64_t>(data.size()) != expected) {
      return Corrupt(fmt::format("has {} {} in {} bytes, expected {}", count,
                                 codes ? "codes" : "floats", data.size(), expected));
    }
    SIGNUM_RETURN_IF_ERROR(Take(data.size()));
    if (!codes) return Tensor(std::move(shape), ReadFloats(data));
    Result<std::vector<int8_t>> unpacked = UnpackCodes(data, count, quantizer->bits);
    if (!unpacked) return tl::unexpected(unpacked.error().In("is not valid"));
    return Tensor(std::move(shape), *std::move(unpacked));
  }

  static std::vector<float> ReadFloats(std::span<const uint8_t> data) {
    std::vector<float> values(data.size() / sizeof(float));
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = flatbuffers::ReadScalar<float>(data.data() + i * sizeof(float));
    }
    return values;
  }

  size_t budget_;
};

// `bytes`, or a copy of them in `aligned` that begins at a multiple of 8.
std::span<const uint8_t> Aligned(std::span<const uint8_t> bytes, std::vector<uint8_t>& aligned) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % 8 == 0) return bytes;
  aligned.assign(bytes.begin(), bytes.end());
  return aligned;
}

// The error of contents that arrived whole but make no network.
tl::unexpected<Error> Malformed(const Error& error) {
  const bool is_whole = error.code == ErrorCode::kUnsupported || error.code == ErrorCode::kNotFound;
  if (is_whole) return tl::unexpected(error);
  return Corrupt("malformed: " + error.message + "; export it again");
}

Result<std::vector<int>> ParsePrecisions(std::span<const uint8_t> bytes) {
  std::vector<uint8_t> copy;
  SIGNUM_ASSIGN_OR_RETURN(const sgn::Model* model, Open(Aligned(bytes, copy)));
  SIGNUM_RETURN_IF_ERROR(CheckPrecisions(*model));
  return PrecisionsOf(*model);
}

}  // namespace

Result<Graph> ParseStructure(std::span<const uint8_t> bytes, int bits) {
  std::vector<uint8_t> copy;
  bytes = Aligned(bytes, copy);
  SIGNUM_ASSIGN_OR_RETURN(const sgn::Model* model, Open(bytes));
  Result<Graph> graph = Reader(bytes.size()).Read(*model, bits);
  if (!graph) return Malformed(graph.error());
  return graph;
}

}  // namespace format

Result<Graph> ParseSgn(std::span<const uint8_t> bytes, int bits) {
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, format::ParseStructure(bytes, bits));
  if (Status verified = Verify(graph); !verified) return format::Malformed(verified.error());
  SIGNUM_RETURN_IF_ERROR(CheckAccumulators(graph));
  return graph;
}

Result<Graph> ReadSgn(const std::string& path, int bits) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes,
                          base::ReadFile(path, format::kMaxFileBytes));
  Result<Graph> graph = ParseSgn(bytes, bits);
  if (!graph) return tl::unexpected(graph.error().In(path));
  return graph;
}

Result<std::vector<int>> ReadPrecisions(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes,
                          base::ReadFile(path, format::kMaxFileBytes));
  return format::ParsePrecisions(bytes).map_error([&](const Error& e) { return e.In(path); });
}

}  // namespace signum

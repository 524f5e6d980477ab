#include "onnx/testing/backend_tests.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/file.h"
#include "onnx/constant.h"
#include "onnx/fold.h"
#include "onnx/import.h"
#include "onnx/node.h"
#include "onnx/operators.h"
#include "onnx/tensor_proto.h"
#include "onnx/testing/is_close.h"
#include "runtime/executor.h"
#include "runtime/program.h"

namespace signum::onnx {
namespace {

namespace filesystem = std::filesystem;
using ::onnx::ModelProto;
using ::onnx::TensorProto;

constexpr char kInstalled[] = "/usr/share/libonnx-testdata/data";

template <typename Proto>
Result<Proto> ReadProto(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  Proto proto;
  if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Corrupt(path + " is no protobuf file of its kind");
  }
  return proto;
}

struct DataSet {
  std::vector<TensorProto> inputs;  // of the model's inputs without an initializer
  std::vector<TensorProto> outputs;
};

struct Loaded {
  ModelProto model;
  std::vector<std::string> inputs;  // names of those that the data sets give
  std::vector<DataSet> data_sets;
};

bool IsBfloat16(const ::onnx::ValueInfoProto& info) {
  return info.type().tensor_type().elem_type() == TensorProto::BFLOAT16;
}

// Why the tensors of a test cannot be read, or nothing: it has other types then.
std::string ForeignType(const ModelProto& model) {
  const auto foreign = [](const ::onnx::ValueInfoProto& info) -> std::string {
    if (info.type().has_sequence_type()) return fmt::format("'{}' is a sequence", info.name());
    if (info.type().has_optional_type()) return fmt::format("'{}' is optional", info.name());
    if (!info.type().has_tensor_type()) return fmt::format("'{}' is no tensor", info.name());
    const auto type = ToElementType(info.type().tensor_type().elem_type());
    return type ? "" : fmt::format("'{}': {}", info.name(), type.error().message);
  };
  for (const auto& infos : {model.graph().input(), model.graph().output()}) {
    for (const auto& info : infos) {
      if (std::string reason = foreign(info); !reason.empty()) return reason;
    }
  }
  for (const auto& info : model.graph().output()) {
    if (IsBfloat16(info)) return "its bfloat16 data are cut off, where ONNX since 1.13 rounds";
  }
  return "";
}

Result<std::vector<TensorProto>> ReadTensors(const std::string& folder, const char* kind,
                                             size_t count) {
  std::vector<TensorProto> tensors;
  for (size_t i = 0; i < count; ++i) {
    SIGNUM_ASSIGN_OR_RETURN(TensorProto tensor,
                            ReadProto<TensorProto>(fmt::format("{}/{}_{}.pb", folder, kind, i)));
    tensors.push_back(std::move(tensor));
  }
  if (filesystem::exists(fmt::format("{}/{}_{}.pb", folder, kind, count))) {
    return Corrupt(fmt::format("{} has more {}s than its model", folder, kind));
  }
  return tensors;
}

Result<Loaded> ReadDataSets(const std::string& folder, ModelProto model) {
  Loaded loaded;
  std::set<std::string> initialized;
  for (const auto& tensor : model.graph().initializer()) initialized.insert(tensor.name());
  for (const auto& input : model.graph().input()) {
    if (initialized.count(input.name()) == 0) loaded.inputs.push_back(input.name());
  }
  for (int set = 0;; ++set) {
    const std::string path = fmt::format("{}/test_data_set_{}", folder, set);
    if (!filesystem::exists(path)) break;
    DataSet data;
    SIGNUM_ASSIGN_OR_RETURN(data.inputs, ReadTensors(path, "input", loaded.inputs.size()));
    // The files label bfloat16 as uint16.
    for (size_t i = 0; i < loaded.inputs.size(); ++i) {
      for (const auto& info : model.graph().input()) {
        if (info.name() != loaded.inputs[i] || !IsBfloat16(info)) continue;
        data.inputs[i].set_data_type(TensorProto::BFLOAT16);
      }
    }
    SIGNUM_ASSIGN_OR_RETURN(
        data.outputs,
        ReadTensors(path, "output", static_cast<size_t>(model.graph().output_size())));
    loaded.data_sets.push_back(std::move(data));
  }
  if (loaded.data_sets.empty()) return Corrupt(folder + " has no data");
  loaded.model = std::move(model);
  return loaded;
}

int64_t OpsetOf(const ModelProto& model, const std::string& domain) {
  const auto plain = [](const std::string& name) { return name == "ai.onnx" ? "" : name; };
  for (const auto& import : model.opset_import()) {
    if (plain(import.domain()) == plain(domain)) return import.version();
  }
  return 1;
}

// What differs, or nothing.
template <typename Numbers>
std::string Difference(const Numbers& actual, const Constant& right) {
  if (static_cast<int64_t>(actual.size()) != right.elements()) {
    return fmt::format("{} elements, not {}", actual.size(), right.elements());
  }
  for (int64_t i = 0; i < right.elements(); ++i) {
    const double is = static_cast<double>(actual[i]);
    const double should =
        right.is_float() ? double{right.Float(i)} : static_cast<double>(right.Integer(i));
    if (right.is_float() ? IsClose(is, should) : is == should) continue;
    return fmt::format("element {} of {} is {}, not {}", i, right.elements(), is, should);
  }
  return "";
}

// The sizes of a network's output that is no image of several, and for `batch` images.
bool HasSizes(const Shape& shape, const OnnxImport& imported) {
  std::vector<int64_t> joined = imported.output_sizes;
  if (!joined.empty()) joined[0] = 1;
  std::vector<int64_t> unjoined = imported.output_sizes;
  unjoined.insert(unjoined.begin(), 1);
  return shape.sizes() == joined || shape.sizes() == unjoined;
}

// What is known of one output for one data set.
struct Judgement {
  Verdict verdict = Verdict::kRun;
  std::string reason;
};

class OutputTest {
 public:
  OutputTest(const Loaded& loaded, const DataSet& data, int output, std::span<const Isa> isas,
             BackendResult& result)
      : loaded_(loaded),
        data_(data),
        isas_(isas),
        result_(result),
        name_(loaded.model.graph().output(output).name()),
        right_proto_(data.outputs[output]) {}

  Judgement Judge() {
    Result<Constant> right = ParseTensor(right_proto_);
    if (!right) return {Verdict::kUnsupported, right.error().message};
    right_ = *std::move(right);
    std::vector<size_t> order;
    for (size_t i = 0; i < loaded_.inputs.size(); ++i) order.push_back(i);
    // The first refusal is the one that is told.
    std::stable_partition(order.begin(), order.end(), [&](size_t input) {
      return data_.inputs[input].data_type() == TensorProto::FLOAT;
    });
    int runs = 0;
    std::string refusal;
    for (const size_t input : order) {
      const Result<std::string> difference = RunWith(input);
      if (!difference) {
        const std::string text = difference.error().message;
        result_.refusals.push_back(fmt::format("'{}': {}", loaded_.inputs[input], text));
        if (refusal.empty()) refusal = text;
      } else if (!difference->empty()) {
        return {Verdict::kWrong, fmt::format("input '{}', {}", loaded_.inputs[input], *difference)};
      } else {
        ++runs;
      }
    }
    result_.runs += runs;
    if (runs > 0) return {};
    return JudgeFolded(refusal.empty() ? "has no input" : refusal);
  }

 private:
  // The model with every input but this one an initializer.
  std::string ModelFor(size_t varying) const {
    ModelProto model = loaded_.model;
    auto& inputs = *model.mutable_graph()->mutable_input();
    for (size_t i = 0; i < loaded_.inputs.size(); ++i) {
      if (i == varying) continue;
      const auto named = [&](const auto& info) { return info.name() == loaded_.inputs[i]; };
      inputs.erase(std::remove_if(inputs.begin(), inputs.end(), named), inputs.end());
      TensorProto& tensor = *model.mutable_graph()->add_initializer();
      tensor = data_.inputs[i];
      tensor.set_name(loaded_.inputs[i]);
    }
    return model.SerializeAsString();
  }

  // What is wrong with the result, or nothing; an error where this cannot be run.
  Result<std::string> RunWith(size_t varying) const {
    const std::string bytes = ModelFor(varying);
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    SIGNUM_ASSIGN_OR_RETURN(const OnnxImport imported,
                            ImportOnnx({data, bytes.size()}, {.output = name_}));
    SIGNUM_ASSIGN_OR_RETURN(const Constant input, ParseTensor(data_.inputs[varying]));
    const char* right_type = ElementTypeName(right_.type);
    if (imported.output_type != right_type) {
      return fmt::format("is of type {}, not {}", imported.output_type, right_type);
    }
    if (imported.output_sizes != right_.sizes) {
      return fmt::format("is {}, not {}", SizesText(imported.output_sizes),
                         SizesText(right_.sizes));
    }
    const int64_t batch = imported.batched ? imported.batch : 1;
    for (const Isa isa : isas_) {
      SIGNUM_ASSIGN_OR_RETURN(const auto program, runtime::Compile(imported.graph, {.isa = isa}));
      SIGNUM_ASSIGN_OR_RETURN(const auto executor,
                              runtime::Executor::Create(program, {.max_batch = batch}));
      if (!HasSizes(program->output_shape(), imported)) {
        return fmt::format("is computed as {}, not {}", program->output_shape().ToString(),
                           SizesText(right_.sizes));
      }
      const int64_t elements = batch * program->output_shape().elements();
      std::vector<float> outputs(static_cast<size_t>(elements), -12345.0f);
      SIGNUM_RETURN_IF_ERROR(executor->Run(input.Floats(), batch, outputs));
      const std::string difference = Difference(outputs, right_);
      if (!difference.empty()) return fmt::format("{}: {}", IsaName(isa), difference);
    }
    return std::string();
  }

  Judgement JudgeFolded(const std::string& refusal) const {
    const Result<Constant> folded = FoldAll();
    if (!folded) {
      const bool about_fold = loaded_.inputs.empty();
      return {Verdict::kUnsupported, about_fold ? folded.error().message : refusal};
    }
    if (folded->type != right_.type || folded->sizes != right_.sizes) {
      return {Verdict::kWrong,
              fmt::format("folds to {}, not {}", Describe(*folded), Describe(right_))};
    }
    const std::string difference = folded->is_float() ? Difference(folded->Floats(), right_)
                                   : folded->Integers() == right_.Integers()
                                       ? ""
                                       : Difference(folded->Integers(), right_);
    if (!difference.empty()) return {Verdict::kWrong, "folded: " + difference};
    return {Verdict::kFolded, refusal};
  }

  Result<Constant> FoldAll() const {
    std::map<std::string, ConstantPointer> values;
    const auto add = [&](const std::string& name, const TensorProto& tensor) -> Status {
      SIGNUM_ASSIGN_OR_RETURN(Constant constant, ParseTensor(tensor));
      values[name] = std::make_shared<const Constant>(std::move(constant));
      return {};
    };
    for (const auto& tensor : loaded_.model.graph().initializer()) {
      SIGNUM_RETURN_IF_ERROR(add(tensor.name(), tensor));
    }
    for (size_t i = 0; i < loaded_.inputs.size(); ++i) {
      SIGNUM_RETURN_IF_ERROR(add(loaded_.inputs[i], data_.inputs[i]));
    }
    FoldBudget budget{kFoldedElements};
    for (const auto& proto : loaded_.model.graph().node()) {
      const OnnxNode node(proto, OpsetOf(loaded_.model, proto.domain()));
      std::vector<ConstantPointer> inputs;
      for (const std::string& name : proto.input()) inputs.push_back(values[name]);
      SIGNUM_ASSIGN_OR_RETURN(std::vector<Constant> outputs, Fold(node, inputs, budget));
      for (int i = 0; i < proto.output_size() && i < static_cast<int>(outputs.size()); ++i) {
        values[proto.output(i)] = std::make_shared<const Constant>(std::move(outputs[i]));
      }
    }
    const ConstantPointer found = values[name_];
    if (found == nullptr) return Unsupported(fmt::format("output '{}' is not made", name_));
    return *found;
  }

  const Loaded& loaded_;
  const DataSet& data_;
  std::span<const Isa> isas_;
  BackendResult& result_;
  std::string name_;
  const TensorProto& right_proto_;
  Constant right_;
};

void JudgeAll(const Loaded& loaded, std::span<const Isa> isas, BackendResult& result) {
  const int outputs = loaded.model.graph().output_size();
  std::set<std::string> passed;
  for (const DataSet& data : loaded.data_sets) {
    for (int output = 0; output < outputs; ++output) {
      const Judgement judgement = OutputTest(loaded, data, output, isas, result).Judge();
      const std::string& name = loaded.model.graph().output(output).name();
      if (judgement.verdict == Verdict::kRun) passed.insert(name);
      if (judgement.verdict <= result.verdict) continue;
      result.verdict = judgement.verdict;
      result.reason =
          outputs > 1 ? fmt::format("output '{}': {}", name, judgement.reason) : judgement.reason;
    }
  }
  if (result.verdict == Verdict::kUnsupported && !passed.empty()) {
    result.reason += fmt::format(" (right: '{}')", fmt::join(passed, "', '"));
  }
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kRun: return "run";
    case Verdict::kFolded: return "folded";
    case Verdict::kUnsupported: return "unsupported";
    case Verdict::kWrong: return "wrong";
  }
  return "?";
}

std::vector<BackendTest> FindBackendTests() {
  const char* stated = std::getenv("SIGNUM_ONNX_TESTS");
  const filesystem::path root = stated != nullptr ? stated : kInstalled;
  std::vector<BackendTest> tests;
  std::error_code error;
  for (const auto& kind : filesystem::directory_iterator(root, error)) {
    for (const auto& entry : filesystem::directory_iterator(kind.path(), error)) {
      if (!filesystem::exists(entry.path() / "model.onnx", error)) continue;
      std::string name = entry.path().filename().string();
      if (name.rfind("test_", 0) == 0) name = name.substr(5);
      tests.push_back({kind.path().filename().string() + "/" + name, entry.path().string()});
    }
  }
  std::sort(tests.begin(), tests.end(),
            [](const BackendTest& a, const BackendTest& b) { return a.name < b.name; });
  return tests;
}

Result<BackendResult> RunBackendTest(const BackendTest& test, std::span<const Isa> isas) {
  SIGNUM_ASSIGN_OR_RETURN(ModelProto model, ReadProto<ModelProto>(test.folder + "/model.onnx"));
  BackendResult result;
  std::set<std::string> operators;
  result.known = result.importable = true;
  for (const auto& node : model.graph().node()) {
    operators.insert(node.op_type());
    const bool importable = FindOperator(node.domain(), node.op_type()) != nullptr;
    const bool foldable = CanFold(OnnxNode(node, OpsetOf(model, node.domain())));
    result.importable = result.importable && importable;
    result.known = result.known && (importable || foldable);
  }
  result.operators.assign(operators.begin(), operators.end());
  if (!result.known) return result;
  result.reason = ForeignType(model);
  if (!result.reason.empty()) {
    result.verdict = Verdict::kUnsupported;
    return result;
  }
  SIGNUM_ASSIGN_OR_RETURN(const Loaded loaded, ReadDataSets(test.folder, std::move(model)));
  JudgeAll(loaded, isas, result);
  return result;
}

Result<std::vector<Isa>> IsasToTest() {
  SIGNUM_ASSIGN_OR_RETURN(const Isa allowed, AllowedIsa());
  std::vector<Isa> isas;
  for (const Isa isa : SupportedIsas()) {
    if (isa <= allowed) isas.push_back(isa);
  }
  return isas;
}

}  // namespace signum::onnx

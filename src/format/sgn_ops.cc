#include "format/sgn_ops.h"

#include <fmt/format.h>

#include "base/check.h"
#include "format/sgn_wire.h"

namespace signum::format {
namespace {

using flatbuffers::FlatBufferBuilder;

// The enumerators of the schema are those of graph/ops.h, in the same order.
static_assert(static_cast<int>(sgn::ActivationKind::MAX) ==
              static_cast<int>(ActivationKind::kSign));
static_assert(static_cast<int>(sgn::UpsampleMode::MAX) ==
              static_cast<int>(UpsampleMode::kBilinear));
static_assert(static_cast<size_t>(sgn::Op::MAX) == std::variant_size_v<Op>);

sgn::Window ToTable(const Window& w) {
  return {w.kernel[0],   w.kernel[1],   w.stride[0],    w.stride[1],      w.dilation[0],
          w.dilation[1], w.padding.top, w.padding.left, w.padding.bottom, w.padding.right};
}

Window FromTable(const sgn::Window& w) {
  return {{w.kernel_height(), w.kernel_width()},
          {w.stride_vertical(), w.stride_horizontal()},
          {w.dilation_vertical(), w.dilation_horizontal()},
          {w.padding_top(), w.padding_left(), w.padding_bottom(), w.padding_right()}};
}

std::optional<sgn::WeightQuantizer> ToTable(const std::optional<WeightQuantizer>& quantizer) {
  if (!quantizer) return std::nullopt;
  return sgn::WeightQuantizer(static_cast<uint8_t>(quantizer->bits), quantizer->per_channel);
}

std::optional<WeightQuantizer> FromTable(const sgn::WeightQuantizer* quantizer) {
  if (quantizer == nullptr) return std::nullopt;
  return WeightQuantizer{quantizer->bits(), quantizer->per_channel()};
}

template <typename T>
const T* Pointer(const std::optional<T>& value) {
  return value ? &*value : nullptr;
}

// Writes the table of one operator.
struct TableWriter {
  FlatBufferBuilder& b;

  template <typename T>
  static WrittenOp As(flatbuffers::Offset<T> table) {
    return {sgn::OpTraits<T>::enum_value, table.Union()};
  }

  WrittenOp operator()(const InputOp& op) const {
    return As(sgn::CreateInput(b, b.CreateVector(op.shape.sizes())));
  }
  WrittenOp operator()(const NormalizeOp& op) const {
    const auto mean = b.CreateVector(op.mean);
    return As(sgn::CreateNormalize(b, mean, b.CreateVector(op.deviation)));
  }
  WrittenOp operator()(const ConvolutionOp& op) const {
    const sgn::Window window = ToTable(op.window);
    const auto quantizer = ToTable(op.weight_quantizer);
    return As(sgn::CreateConvolution(b, op.output_channels, &window, op.groups, op.bias,
                                     static_cast<int8_t>(op.pad_code), Pointer(quantizer)));
  }
  WrittenOp operator()(const LinearOp& op) const {
    const auto quantizer = ToTable(op.weight_quantizer);
    return As(sgn::CreateLinear(b, op.output_features, op.bias, Pointer(quantizer)));
  }
  WrittenOp operator()(const BatchNormOp& op) const {
    return As(sgn::CreateBatchNorm(b, op.epsilon, op.momentum));
  }
  WrittenOp operator()(const ActivationOp& op) const {
    return As(sgn::CreateActivation(b, static_cast<sgn::ActivationKind>(op.kind)));
  }
  WrittenOp operator()(const PReluOp&) const { return As(sgn::CreatePRelu(b)); }
  WrittenOp operator()(const MaxPoolOp& op) const {
    const sgn::Window window = ToTable(op.window);
    return As(sgn::CreateMaxPool(b, &window));
  }
  WrittenOp operator()(const AveragePoolOp& op) const {
    const sgn::Window window = ToTable(op.window);
    return As(sgn::CreateAveragePool(b, &window, op.count_padding));
  }
  WrittenOp operator()(const GlobalAveragePoolOp&) const {
    return As(sgn::CreateGlobalAveragePool(b));
  }
  WrittenOp operator()(const AddOp&) const { return As(sgn::CreateAdd(b)); }
  WrittenOp operator()(const MultiplyOp&) const { return As(sgn::CreateMultiply(b)); }
  WrittenOp operator()(const ConcatOp& op) const { return As(sgn::CreateConcat(b, op.axis)); }
  WrittenOp operator()(const FlattenOp&) const { return As(sgn::CreateFlatten(b)); }
  WrittenOp operator()(const ReshapeOp& op) const {
    return As(sgn::CreateReshape(b, b.CreateVector(op.shape)));
  }
  WrittenOp operator()(const PadOp& op) const {
    const auto before = b.CreateVector(op.before);
    return As(sgn::CreatePad(b, before, b.CreateVector(op.after), op.value));
  }
  WrittenOp operator()(const UpsampleOp& op) const {
    return As(sgn::CreateUpsample(b, op.scale, static_cast<sgn::UpsampleMode>(op.mode)));
  }
  WrittenOp operator()(const SoftmaxOp& op) const { return As(sgn::CreateSoftmax(b, op.axis)); }
  WrittenOp operator()(const DropoutOp& op) const {
    return As(sgn::CreateDropout(b, op.probability));
  }
  WrittenOp operator()(const QuantizeOp& op) const {
    return As(sgn::CreateQuantize(b, op.bits, op.zero_point));
  }
  WrittenOp operator()(const ConstantOp& op) const {
    return As(sgn::CreateConstant(b, b.CreateVector(op.shape.sizes())));
  }
  WrittenOp operator()(const ConvTransposeOp& op) const {
    const sgn::Window window = ToTable(op.window);
    return As(sgn::CreateConvTranspose(b, op.output_channels, &window, op.output_padding[0],
                                       op.output_padding[1], op.groups, op.bias));
  }
  WrittenOp operator()(const ClampOp& op) const { return As(sgn::CreateClamp(b, op.low, op.high)); }
  WrittenOp operator()(const SubtractOp&) const { return As(sgn::CreateSubtract(b)); }
  WrittenOp operator()(const DivideOp&) const { return As(sgn::CreateDivide(b)); }
  WrittenOp operator()(const MatMulOp&) const { return As(sgn::CreateMatMul(b)); }
  WrittenOp operator()(const ReduceMeanOp& op) const {
    return As(sgn::CreateReduceMean(b, b.CreateVector(op.axes), op.keep_axes));
  }
  WrittenOp operator()(const TransposeOp& op) const {
    return As(sgn::CreateTranspose(b, b.CreateVector(op.permutation)));
  }
};

std::vector<float> ReadFloats(const flatbuffers::Vector<float>& values) {
  return std::vector<float>(values.begin(), values.end());
}

Result<Op> Read(const sgn::Input& table) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ReadAxes(*table.shape()));
  return InputOp{Shape(std::move(sizes))};
}
Result<Op> Read(const sgn::Normalize& table) {
  return NormalizeOp{ReadFloats(*table.mean()), ReadFloats(*table.deviation())};
}
Result<Op> Read(const sgn::Convolution& table) {
  return ConvolutionOp{table.output_channels(), FromTable(*table.window()),
                       table.groups(),          table.bias(),
                       table.pad_code(),        FromTable(table.weight_quantizer())};
}
Result<Op> Read(const sgn::Linear& table) {
  return LinearOp{table.output_features(), table.bias(), FromTable(table.weight_quantizer())};
}
Result<Op> Read(const sgn::BatchNorm& table) {
  return BatchNormOp{table.epsilon(), table.momentum()};
}
Result<Op> Read(const sgn::Activation& table) {
  if (table.kind() > sgn::ActivationKind::MAX) {
    return Corrupt(fmt::format("activation {} is not known", static_cast<int>(table.kind())));
  }
  return ActivationOp{static_cast<ActivationKind>(table.kind())};
}
Result<Op> Read(const sgn::PRelu&) { return PReluOp{}; }
Result<Op> Read(const sgn::MaxPool& table) { return MaxPoolOp{FromTable(*table.window())}; }
Result<Op> Read(const sgn::AveragePool& table) {
  return AveragePoolOp{FromTable(*table.window()), table.count_padding()};
}
Result<Op> Read(const sgn::GlobalAveragePool&) { return GlobalAveragePoolOp{}; }
Result<Op> Read(const sgn::Add&) { return AddOp{}; }
Result<Op> Read(const sgn::Multiply&) { return MultiplyOp{}; }
Result<Op> Read(const sgn::Concat& table) { return ConcatOp{table.axis()}; }
Result<Op> Read(const sgn::Flatten&) { return FlattenOp{}; }
Result<Op> Read(const sgn::Reshape& table) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> shape, ReadAxes(*table.shape()));
  return ReshapeOp{std::move(shape)};
}
Result<Op> Read(const sgn::Pad& table) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> before, ReadAxes(*table.before()));
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> after, ReadAxes(*table.after()));
  return PadOp{std::move(before), std::move(after), table.value()};
}
Result<Op> Read(const sgn::Upsample& table) {
  if (table.mode() > sgn::UpsampleMode::MAX) {
    return Corrupt(fmt::format("upsampling mode {} is not known", static_cast<int>(table.mode())));
  }
  return UpsampleOp{table.scale(), static_cast<UpsampleMode>(table.mode())};
}
Result<Op> Read(const sgn::Softmax& table) { return SoftmaxOp{table.axis()}; }
Result<Op> Read(const sgn::Dropout& table) { return DropoutOp{table.probability()}; }
Result<Op> Read(const sgn::Quantize& table) { return QuantizeOp{table.bits(), table.zero_point()}; }
Result<Op> Read(const sgn::Constant& table) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ReadAxes(*table.shape()));
  return ConstantOp{Shape(std::move(sizes))};
}
Result<Op> Read(const sgn::ConvTranspose& table) {
  return ConvTransposeOp{table.output_channels(),
                         FromTable(*table.window()),
                         {table.output_padding_vertical(), table.output_padding_horizontal()},
                         table.groups(),
                         table.bias()};
}
Result<Op> Read(const sgn::Clamp& table) { return ClampOp{table.low(), table.high()}; }
Result<Op> Read(const sgn::Subtract&) { return SubtractOp{}; }
Result<Op> Read(const sgn::Divide&) { return DivideOp{}; }
Result<Op> Read(const sgn::MatMul&) { return MatMulOp{}; }
// Numbers of axes; the graph's own checks see to their meaning.
Result<std::vector<int>> ReadAxisNumbers(const flatbuffers::Vector<int32_t>& axes) {
  if (axes.size() > kMaxRank) {
    return Corrupt(fmt::format("has {} axes; at most {} are possible", axes.size(), kMaxRank));
  }
  return std::vector<int>(axes.begin(), axes.end());
}
Result<Op> Read(const sgn::ReduceMean& table) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int> axes, ReadAxisNumbers(*table.axes()));
  return ReduceMeanOp{std::move(axes), table.keep_axes()};
}
Result<Op> Read(const sgn::Transpose& table) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<int> permutation, ReadAxisNumbers(*table.permutation()));
  return TransposeOp{std::move(permutation)};
}

}  // namespace

Result<std::vector<int64_t>> ReadAxes(const flatbuffers::Vector<int64_t>& axes) {
  if (reinterpret_cast<uintptr_t>(axes.Data()) % alignof(int64_t) != 0) {
    return Corrupt("has a shape at a misaligned place in the file");
  }
  if (axes.size() > kMaxRank) {
    return Corrupt(fmt::format("has {} axes; at most {} are possible", axes.size(), kMaxRank));
  }
  for (int64_t size : axes) {
    if (size >= -kMaxTensorElements && size <= kMaxTensorElements) continue;
    return Corrupt(fmt::format("has an axis of the impossible size {}", size));
  }
  return std::vector<int64_t>(axes.begin(), axes.end());
}

WrittenOp WriteOp(FlatBufferBuilder& builder, const Op& op) {
  return std::visit(TableWriter{builder}, op);
}

Result<Op> ReadOp(const sgn::Node& node) {
  switch (node.op_type()) {
    case sgn::Op::NONE: break;
    case sgn::Op::Input: return Read(*node.op_as_Input());
    case sgn::Op::Normalize: return Read(*node.op_as_Normalize());
    case sgn::Op::Convolution: return Read(*node.op_as_Convolution());
    case sgn::Op::Linear: return Read(*node.op_as_Linear());
    case sgn::Op::BatchNorm: return Read(*node.op_as_BatchNorm());
    case sgn::Op::Activation: return Read(*node.op_as_Activation());
    case sgn::Op::PRelu: return Read(*node.op_as_PRelu());
    case sgn::Op::MaxPool: return Read(*node.op_as_MaxPool());
    case sgn::Op::AveragePool: return Read(*node.op_as_AveragePool());
    case sgn::Op::GlobalAveragePool: return Read(*node.op_as_GlobalAveragePool());
    case sgn::Op::Add: return Read(*node.op_as_Add());
    case sgn::Op::Multiply: return Read(*node.op_as_Multiply());
    case sgn::Op::Concat: return Read(*node.op_as_Concat());
    case sgn::Op::Flatten: return Read(*node.op_as_Flatten());
    case sgn::Op::Reshape: return Read(*node.op_as_Reshape());
    case sgn::Op::Pad: return Read(*node.op_as_Pad());
    case sgn::Op::Upsample: return Read(*node.op_as_Upsample());
    case sgn::Op::Softmax: return Read(*node.op_as_Softmax());
    case sgn::Op::Dropout: return Read(*node.op_as_Dropout());
    case sgn::Op::Quantize: return Read(*node.op_as_Quantize());
    case sgn::Op::Constant: return Read(*node.op_as_Constant());
    case sgn::Op::ConvTranspose: return Read(*node.op_as_ConvTranspose());
    case sgn::Op::Clamp: return Read(*node.op_as_Clamp());
    case sgn::Op::Subtract: return Read(*node.op_as_Subtract());
    case sgn::Op::Divide: return Read(*node.op_as_Divide());
    case sgn::Op::MatMul: return Read(*node.op_as_MatMul());
    case sgn::Op::ReduceMean: return Read(*node.op_as_ReduceMean());
    case sgn::Op::Transpose: return Read(*node.op_as_Transpose());
  }
  return Unsupported(fmt::format("operator {} is not one that this version knows; update Signum",
                                 static_cast<int>(node.op_type())));
}

size_t VariableBytes(const sgn::Node& node) {
  const auto* normalize = node.op_as_Normalize();
  if (normalize == nullptr) return 0;
  return sizeof(float) * (size_t{normalize->mean()->size()} + normalize->deviation()->size());
}

}  // namespace signum::format

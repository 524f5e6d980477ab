// The tensors of ONNX files as Constants: every way in which a TensorProto stores
// its elements, checked against its sizes before anything is allocated.
#ifndef SIGNUM_ONNX_TENSOR_PROTO_H_
#define SIGNUM_ONNX_TENSOR_PROTO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/constant.h"
#include "signum/result.h"

namespace onnx {
class TensorProto;
}  // namespace onnx

namespace signum::onnx {

// The element type of TensorProto.DataType `type`; float16, bfloat16 and double give
// kFloat32. kUnsupported names any other (strings, complex numbers, ...).
Result<ElementType> ToElementType(int64_t type);

// The tensor's numbers. Floats of other widths are rounded to float32; one that does
// not fit (a double of 1e300) is refused. A tensor that keeps its data in another
// file is refused: ReadExternalData puts them in place first. Errors do not name the
// tensor.
Result<Constant> ParseTensor(const ::onnx::TensorProto& tensor);

// How many bytes the tensor's elements take as raw_data. kUnsupported where it has no
// such type, kCorrupt where its sizes are negative or overflow.
Result<int64_t> RawBytes(const ::onnx::TensorProto& tensor);

// Reads the data that the tensor keeps in another file, inside `folder` or below it,
// into the tensor. An error, naming the location, where that lies outside the folder
// (by "..", an absolute path or a link), where `folder` is empty, where the stretch is
// not in the file or is not as long as the tensor's sizes say.
Status ReadExternalData(const std::string& folder, ::onnx::TensorProto& tensor);
// Whether it keeps them so.
bool HasExternalData(const ::onnx::TensorProto& tensor);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_TENSOR_PROTO_H_

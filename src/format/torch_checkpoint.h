// PyTorch checkpoints: files that torch.save wrote with a state_dict in them. The
// zip format (PyTorch 1.6 and later) and the one before it are read; what they
// mean is fixed by torch/serialization.py.
//
// Nothing in a checkpoint is executed: its pickle may hold plain data and tensors
// (base/pickle.h), and anything else is refused by name.
#ifndef SIGNUM_FORMAT_TORCH_CHECKPOINT_H_
#define SIGNUM_FORMAT_TORCH_CHECKPOINT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/tensor_file.h"
#include "signum/result.h"

namespace signum {

// Whether a file that starts like this is a checkpoint of either format.
bool IsTorchCheckpoint(std::span<const uint8_t> bytes);

// The state_dict in a checkpoint's bytes: the dict that the outermost one has under
// "state_dict", "model_state_dict", "model" or "net", or else the outermost itself.
// Where every key starts with "module." (DataParallel) or "_orig_mod."
// (torch.compile), that is taken off. Allocates no more than a small multiple of
// the file's size.
Result<TensorFile> ParseTorchCheckpoint(std::vector<uint8_t> bytes);

// The same for the file at `path`, which the error names.
Result<TensorFile> ReadTorchCheckpoint(const std::string& path);

}  // namespace signum

#endif  // SIGNUM_FORMAT_TORCH_CHECKPOINT_H_

// Runs a Model on images: plans once, then executes without allocating.
#ifndef SIGNUM_SESSION_H_
#define SIGNUM_SESSION_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "signum/model.h"
#include "signum/result.h"

namespace signum {

struct SessionOptions {
  // Threads that share the work of one Run, the caller among them; 1 to 1024.
  int threads = 1;
  // Memory is planned for this many images at a time; a larger batch runs in
  // several passes. At least 1.
  int64_t max_batch = 1;
  // Where not empty, the model's first session measures which kernels and tile sizes are
  // fastest for these options on this CPU, which takes from a second for a small network to
  // minutes for a large one and a large batch, and keeps what it found in this folder, from
  // where later ones take it. The outputs are the same.
  std::string tuning_folder;
};

// Holds the memory and the threads of one stream of inferences. Movable. One
// thread at a time may call Run; sessions of the same Model share its weights
// and are independent of each other.
class Session {
 public:
  // Chooses the kernels for this CPU, capped by the environment variable
  // SIGNUM_ISA (scalar, avx2, avx512, amx; neon, dotprod), and allocates all memory that
  // Run needs. The first session of a model packs its weights, which all later ones share.
  // kInvalidArgument for options out of range, or where SIGNUM_ISA has changed since a
  // model's first session; kIo where the tuning folder cannot be written; kUnsupported where
  // the network has an operator or a shape
  // that the runtime cannot run (the message names it), kResourceExhausted where there
  // is no memory or no thread for it.
  static Result<Session> Create(const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // images: {batch, channels, height, width} floats in [0, 1], planar, row-major;
  // outputs: {batch, Model::output_size()}. Both belong to the caller. The sizes
  // of the spans must fit `batch` exactly, else kInvalidArgument. Does not
  // allocate. A fully quantized model gives bit-identical outputs on every
  // instruction set, thread count and batch size.
  Status Run(std::span<const float> images, int64_t batch, std::span<float> outputs);

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace signum

#endif  // SIGNUM_SESSION_H_

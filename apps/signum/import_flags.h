// What the halves of `signum import` share: its flags, and how they are read.
#ifndef SIGNUM_APPS_IMPORT_FLAGS_H_
#define SIGNUM_APPS_IMPORT_FLAGS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/state_dict.h"
#include "model_argument.h"
#include "signum/result.h"

namespace signum::apps {

struct ImportFlags {
  std::string file;
  std::string output;
  std::string arch;
  std::string tensor;
  ZooFlags zoo;
  std::string mean, deviation;  // as typed
  AssignOptions assign;
  bool json = false;
};

// ".485,.456,.406", as --mean and --std have it.
Result<std::vector<float>> ParseNumbers(const char* flag, const std::string& text);

// The file's name in ASCII: a model's metadata is text on every system.
std::string PlainFileName(const std::string& path);

// Imports the bytes of flags.file, an ONNX model, writes it and prints what became of
// its nodes.
Status ImportOnnxModel(std::span<const uint8_t> bytes, const ImportFlags& flags);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_IMPORT_FLAGS_H_

// Runs a model file on raw numbers, for tests that compare the numbers of its output:
//   run_model MODEL.sgn INPUT OUTPUT
// INPUT holds one or more inputs as native float32, OUTPUT gets theirs.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/file.h"
#include "signum/model.h"
#include "signum/session.h"

namespace {

using signum::InvalidArgument;
using signum::Model;
using signum::Session;
using signum::Status;

Status RunModel(const std::string& path, const std::string& input, const std::string& output) {
  SIGNUM_ASSIGN_OR_RETURN(const Model model, Model::Load(path));
  SIGNUM_ASSIGN_OR_RETURN(Session session, Session::Create(model));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, signum::base::ReadFile(input));
  const size_t image_bytes = static_cast<size_t>(model.input_size().elements()) * sizeof(float);
  if (bytes.empty() || bytes.size() % image_bytes != 0) {
    return InvalidArgument(input + ": is no whole number of inputs of " + path);
  }
  const size_t batch = bytes.size() / image_bytes;
  std::vector<float> images(bytes.size() / sizeof(float));
  std::memcpy(images.data(), bytes.data(), bytes.size());
  std::vector<float> outputs(batch * static_cast<size_t>(model.output_size()));
  SIGNUM_RETURN_IF_ERROR(session.Run(images, static_cast<int64_t>(batch), outputs));
  const auto* written = reinterpret_cast<const uint8_t*>(outputs.data());
  return signum::base::WriteFile(output, std::span(written, outputs.size() * sizeof(float)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: run_model MODEL.sgn INPUT OUTPUT\n");
    return 2;
  }
  const Status status = RunModel(argv[1], argv[2], argv[3]);
  if (!status) std::fprintf(stderr, "run_model: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}

// A model in Signum, for the comparison with its rivals:
//   signum_session MODEL.sgn INPUT OUTPUT [THREADS [BATCH]]
// INPUT is raw float32; the first run's output goes to OUTPUT, so that it can be checked
// before anything is timed. SIGNUM_ISA caps the instruction set.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/file.h"
#include "signum/model.h"
#include "signum/session.h"
#include "timed_rounds.h"

namespace {

using namespace signum;

Status Serve(char** arguments, int threads, int64_t batch) {
  SIGNUM_ASSIGN_OR_RETURN(const Model model, Model::Load(arguments[0]));
  SIGNUM_ASSIGN_OR_RETURN(Session session,
                          Session::Create(model, {.threads = threads, .max_batch = batch}));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(arguments[1]));
  std::vector<float> images(static_cast<size_t>(batch * model.input_size().elements()));
  if (bytes.size() != images.size() * sizeof(float)) {
    return InvalidArgument("the input is not a batch of the model's");
  }
  std::memcpy(images.data(), bytes.data(), bytes.size());
  std::vector<float> outputs(static_cast<size_t>(batch * model.output_size()));
  SIGNUM_RETURN_IF_ERROR(session.Run(images, batch, outputs));
  const auto* raw = reinterpret_cast<const uint8_t*>(outputs.data());
  SIGNUM_RETURN_IF_ERROR(
      base::WriteFile(arguments[2], std::span(raw, outputs.size() * sizeof(float))));
  rivals::TimedRounds([&] { (void)session.Run(images, batch, outputs); });
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 6) {
    std::fprintf(stderr, "usage: signum_session MODEL.sgn INPUT OUTPUT [THREADS [BATCH]]\n");
    return 2;
  }
  const Status status =
      Serve(argv + 1, argc > 4 ? std::atoi(argv[4]) : 1, argc > 5 ? std::atoll(argv[5]) : 1);
  if (!status) std::fprintf(stderr, "signum_session: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}

// Run does not allocate, and what does says so where memory ends. A program of its own: it
// replaces operator new.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "base/file.h"
#include "format/sgn.h"
#include "runtime/testing/quantized_network.h"
#include "runtime/testing/run_program.h"
#include "signum/signum.h"

namespace {
// Allocations `first_failing` up to `last_failing` fail, as counted by `allocations`.
std::atomic<int64_t> allocations{0}, first_failing{-1}, last_failing{-1};

void* Count(size_t bytes, size_t alignment) {
  const int64_t number = allocations++;
  if (number >= first_failing && number <= last_failing) throw std::bad_alloc();
  void* memory = std::aligned_alloc(alignment, (bytes + alignment) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(size_t bytes) { return Count(bytes, alignof(std::max_align_t)); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  return Count(bytes, static_cast<size_t>(alignment));
}
// The library's temporary buffers ask in this form; left out, they would come from
// another allocator than the one that operator delete returns them to.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return Count(bytes, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace signum::runtime {
namespace {

using ::testing::HasSubstr;

void ExpectNoAllocation(RandomGraph& random) {
  constexpr int64_t kImages = 5;
  const std::vector<float> images = random.Images(kImages);
  for (Isa isa : SupportedIsas()) {
    for (int threads : {1, 3}) {
      const auto program = Compile(random.graph(), {.isa = isa}).value();
      const auto executor =
          Executor::Create(program, {.threads = threads, .max_batch = 2, .profile = true}).value();
      std::vector<float> outputs(kImages * program->output_shape().elements());
      const int64_t before = allocations;
      ASSERT_GT(before, 0);
      ASSERT_TRUE(executor->Run(images, kImages, outputs));
      EXPECT_EQ(allocations - before, 0) << IsaName(isa) << ", " << threads << " threads";
    }
  }
}

TEST(Allocation, AQuantizedNetworkRunsWithoutAny) {
  RandomGraph random = QuantizedNetwork(2);
  ExpectNoAllocation(random);
}

TEST(Allocation, FloatStepsRunWithoutAny) {
  RandomGraph g({1, 4, 8, 8}, 1);
  ConvolutionOp conv;
  conv.output_channels = 4;
  conv.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
  const NodeId a = g.Activation(g.Convolution(g.input(), conv), ActivationKind::kSwish);
  const NodeId gate = g.Activation(g.Add(GlobalAveragePoolOp{}, {a}), ActivationKind::kSigmoid);
  const NodeId gated = g.PRelu(g.Add(MultiplyOp{}, {a, gate}));
  const NodeId larger = g.Add(UpsampleOp{2, UpsampleMode::kBilinear}, {gated});
  const NodeId smaller = g.Add(AveragePoolOp{Window{{2, 2}, {2, 2}, {1, 1}, {}}}, {larger});
  const NodeId joined = g.Add(ConcatOp{1}, {smaller, a});
  const NodeId padded = g.Add(PadOp{{0, 1, 0, 0}, {0, 1, 0, 0}, 1.0f}, {joined});
  const NodeId flat = g.Add(FlattenOp{}, {padded});
  g.Add(SoftmaxOp{1}, {g.Linear(flat, 7)});
  ExpectNoAllocation(g);
}

// Creates the first session of a model again and again, with one allocation after another
// being the first of `failures` that fail, until none does.
void ExpectErrorsWithoutMemory(int64_t failures) {
  const std::string path = testing::TempDir() + "signum_allocation_" + std::to_string(getpid());
  RandomGraph random({1, 3, 4, 4}, 1);
  ConvolutionOp conv{.output_channels = 8, .weight_quantizer = WeightQuantizer{1, true}};
  const NodeId codes = random.Quantize(random.input(), 8, 128, 0.01f);
  const NodeId sums = random.Quantize(random.Convolution(codes, conv), 2, 1, 0.3f);
  random.Linear(random.Add(FlattenOp{}, {sums}), 10, WeightQuantizer{8, true});
  const std::vector<float> images = random.Images(1);
  ASSERT_TRUE(WriteSgn(random.graph(), path));
  const std::vector<uint8_t> file = base::ReadFile(path).value();
  std::filesystem::remove(path);
  std::vector<float> expected(10), outputs(10);
  const Model sound = Model::Parse(file.data(), file.size()).value();
  ASSERT_TRUE(Session::Create(sound).value().Run(images, 1, expected));
  int64_t failed = 0, again = 0;
  for (bool memory_ends = true; memory_ends; ++failed) {
    const Model model = Model::Parse(file.data(), file.size()).value();
    const int64_t first = allocations + failed;
    last_failing = first + failures - 1;
    first_failing = first;
    auto session = Session::Create(model, {.threads = 2});
    first_failing = std::numeric_limits<int64_t>::max();
    memory_ends = allocations > first;
    if (memory_ends) {
      // Allocations that can do without, as of a sort's buffer, are not missed.
      if (!session) {
        ASSERT_EQ(session.error().code, ErrorCode::kResourceExhausted) << session.error().message;
        EXPECT_FALSE(session.error().message.empty());
      }
      // There is memory again: the model is as good as new, or says what to do.
      session = Session::Create(model);
      if (!session) {
        ++again;
        ASSERT_EQ(session.error().code, ErrorCode::kResourceExhausted);
        EXPECT_THAT(session.error().message, HasSubstr("free some and load the model again"));
        continue;
      }
    }
    ASSERT_TRUE(session->Run(images, 1, outputs));
    ASSERT_EQ(outputs, expected) << "allocation " << failed;
  }
  EXPECT_GT(failed, 100);
  EXPECT_GT(again, 100) << "of " << failed;
}

TEST(Allocation, AFirstSessionWithoutMemorySaysSo) {
  ExpectErrorsWithoutMemory(1);
  ExpectErrorsWithoutMemory(std::numeric_limits<int32_t>::max());
}

}  // namespace
}  // namespace signum::runtime

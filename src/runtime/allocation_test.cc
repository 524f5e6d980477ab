// Run does not allocate. A program of its own: it replaces operator new.
#include <atomic>
#include <cstdlib>
#include <new>

#include "runtime/testing/quantized_network.h"
#include "runtime/testing/run_program.h"

namespace {
std::atomic<int64_t> allocations{0};

void* Count(size_t bytes, size_t alignment) {
  ++allocations;
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
  return Count(bytes, alignof(std::max_align_t));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace signum::runtime {
namespace {

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

}  // namespace
}  // namespace signum::runtime

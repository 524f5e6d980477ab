#include "train/prelu.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace signum::train {
namespace {

struct Gradients {
  torch::Tensor y, x, slope;
};

Gradients GradientsOf(const torch::Tensor& values, const torch::Tensor& slopes,
                      torch::Tensor (*prelu)(const torch::Tensor&, const torch::Tensor&)) {
  const torch::Tensor x = values.detach().clone().requires_grad_();
  const torch::Tensor slope = slopes.detach().clone().requires_grad_();
  const torch::Tensor y = prelu(x, slope);
  // Every element has a gradient of its own.
  (y * torch::linspace(-1, 2, y.numel()).reshape(y.sizes())).sum().backward();
  return {y.detach(), x.grad(), slope.grad()};
}

void ExpectTorchs(const torch::Tensor& x, const torch::Tensor& slope) {
  const Gradients got = GradientsOf(x, slope, PRelu);
  const Gradients expected = GradientsOf(x, slope, torch::prelu);
  EXPECT_TRUE(got.y.equal(expected.y));
  EXPECT_TRUE(got.x.equal(expected.x));
  ASSERT_EQ(got.slope.sizes(), expected.slope.sizes());
  EXPECT_TRUE(got.slope.allclose(expected.slope, 1e-4, 1e-3));
}

// One that spans several blocks of sums, with values of exactly 0.
torch::Tensor Maps() {
  torch::manual_seed(3);
  const torch::Tensor x = torch::randn({9, 11, 17, 13});
  return torch::where(torch::rand_like(x) < 0.1, torch::zeros_like(x), x)
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

TEST(PRelu, IsTorchsInEveryLayout) {
  const torch::Tensor slope = torch::linspace(-0.5, 1.5, 11);
  ExpectTorchs(Maps(), slope);
  ExpectTorchs(Maps().contiguous(), slope);
  ExpectTorchs(Maps().mean(std::vector<int64_t>{2, 3}), slope);
  ExpectTorchs(Maps(), torch::full({1}, 0.25f));
}

TEST(PRelu, DoesNotDependOnThreads) {
  const torch::Tensor slope = torch::linspace(-0.5, 1.5, 11);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Gradients one = GradientsOf(Maps(), slope, PRelu);
  at::set_num_threads(3);
  const Gradients three = GradientsOf(Maps(), slope, PRelu);
  at::set_num_threads(threads);
  EXPECT_TRUE(one.y.equal(three.y));
  EXPECT_TRUE(one.x.equal(three.x));
  EXPECT_TRUE(one.slope.equal(three.slope));
}

}  // namespace
}  // namespace signum::train

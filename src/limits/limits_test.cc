#include "limits/limits.h"

#include <gtest/gtest.h>

namespace signum::limits {
namespace {

TEST(Limits, AreMeasuredForEveryInstructionSet) {
  for (Isa isa : SupportedIsas()) {
    const Limits limits = MeasureLimits(isa, 0.001);
    if (isa == Isa::kScalar) {
      EXPECT_EQ(limits.int8_ops, 0);
      EXPECT_TRUE(limits.reads.empty());
      continue;
    }
    EXPECT_GT(limits.float_ops, 0);
    EXPECT_GT(limits.int8_ops, 0);
    EXPECT_GT(limits.bit_ops, 0);
    ASSERT_EQ(limits.reads.size(), 4u);
    for (const Bandwidth& read : limits.reads) EXPECT_GT(read.bytes_per_second, 0);
  }
}

TEST(Roofline, IsTheSlowerOfArithmeticAndMemory) {
  Limits limits;
  limits.reads = {{100, 1000.0}, {10000, 10.0}};
  EXPECT_EQ(RooflineSeconds(limits, 50, 10, 100), 5.0);       // arithmetic
  EXPECT_EQ(RooflineSeconds(limits, 50, 10, 200), 20.0);      // the larger buffer
  EXPECT_EQ(RooflineSeconds(limits, 50, 10, 20000), 2000.0);  // larger than any
  EXPECT_EQ(RooflineSeconds(limits, 0, 0, 100), 0.1);
  EXPECT_EQ(RooflineSeconds({}, 50, 10, 100), 5.0);
}

}  // namespace
}  // namespace signum::limits

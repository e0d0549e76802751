#include "base/random.h"

#include <gtest/gtest.h>

namespace trinity {
namespace {

// Known answers of the authors' Random123 distribution, file kat_vectors, philox4x32 10.
TEST(Random, EqualsThePublishedVectors) {
  EXPECT_EQ(RandomBits(0, 0, 0),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint64_t ones = ~uint64_t{0};
  EXPECT_EQ(RandomBits(ones, ones, ones),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(Random, UniformStaysInRangeWithItsMean) {
  double sum = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    const double u = UniformAt(7, 3, i);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
}

}  // namespace
}  // namespace trinity

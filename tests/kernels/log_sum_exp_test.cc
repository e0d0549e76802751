#include "kernels/log_sum_exp.h"

#include <cmath>
#include <vector>

#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

// The definition, with the largest value taken out.
double Expected(const std::vector<float>& x, size_t first, double largest) {
  double sum = 0;
  for (size_t i = first; i < x.size(); ++i) sum += std::exp(double{x[i]} - largest);
  return largest + std::log(sum);
}

TEST(LogSumExp, IsAccurateToAFewUnitsOfFloat64) {
  OnEverySimdTarget([] {
    for (const int64_t size : {1, 5, 16, 33, 200192}) {
      std::vector<float> x = RandomFloats(size + 1, 8);
      for (const float largest : {1.5F, 90.0F, 3000.0F}) {
        x[1 + static_cast<size_t>(size) / 2] = largest;
        const double expected = Expected(x, 1, double{largest});
        EXPECT_NEAR(LogSumExp(x.data() + 1, size), expected, 1e-14 * (1 + expected)) << size;
      }
    }
  });
}

TEST(LogSumExp, TakesValuesOfNoWeightAsNone) {
  OnEverySimdTarget([] {
    std::vector<float> x(20, -INFINITY);
    EXPECT_EQ(LogSumExp(x.data(), 20), -INFINITY);
    x[3] = 2.0F;
    x[4] = -3e38F;
    EXPECT_EQ(LogSumExp(x.data(), 20), 2.0);
  });
}

TEST(LogSumExp, HidesNothingThatIsNoNumber) {
  OnEverySimdTarget([] {
    for (const size_t place : {0, 3, 16, 19}) {
      std::vector<float> x(20, 1.0F);
      x[place] = INFINITY;
      EXPECT_EQ(LogSumExp(x.data(), 20), INFINITY);
      x[place] = NAN;
      EXPECT_TRUE(std::isnan(LogSumExp(x.data(), 20)));
    }
  });
}

}  // namespace
}  // namespace trinity

#include "load/arrival_times.h"

#include <gmock/gmock.h>

#include <cmath>
#include <vector>

namespace trinity {
namespace {

std::vector<double> Times(double rate, uint64_t seed, int count) {
  ArrivalTimes arrivals(rate, seed);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) times.push_back(arrivals.Next());
  return times;
}

TEST(ArrivalTimes, AreThoseOfTheSeed) {
  EXPECT_EQ(Times(3, 1, 50), Times(3, 1, 50));
  EXPECT_NE(Times(3, 1, 50), Times(3, 2, 50));
}

TEST(ArrivalTimes, OnlyGrow) {
  const std::vector<double> times = Times(100, 5, 1000);
  EXPECT_GT(times[0], 0);
  for (size_t i = 1; i < times.size(); ++i) EXPECT_GT(times[i], times[i - 1]);
}

// Of a Poisson process: the time between two arrivals is 1/rate on average, and its standard
// deviation as large.
TEST(ArrivalTimes, AreRandomAtTheRate) {
  constexpr int kCount = 20000;
  constexpr double kRate = 4;
  const std::vector<double> times = Times(kRate, 7, kCount);
  EXPECT_NEAR(times.back() * kRate / kCount, 1, 0.03);
  double squares = 0;
  for (int i = 1; i < kCount; ++i) {
    const double deviation = times[i] - times[i - 1] - 1 / kRate;
    squares += deviation * deviation;
  }
  EXPECT_NEAR(std::sqrt(squares / kCount) * kRate, 1, 0.05);
}

}  // namespace
}  // namespace trinity

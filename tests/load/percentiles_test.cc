#include "load/percentiles.h"

#include <gmock/gmock.h>

#include <numeric>

namespace trinity {
namespace {

TEST(Percentiles, AreValuesByNearestRank) {
  std::vector<double> values(200);
  std::iota(values.rbegin(), values.rend(), 1);
  const Percentiles found = PercentilesOf(values);
  EXPECT_EQ(found.count, 200);
  EXPECT_EQ(found.p50, 100);
  EXPECT_EQ(found.p90, 180);
  EXPECT_EQ(found.p99, 198);
  EXPECT_EQ(found.max, 200);
  EXPECT_EQ(found.mean, 100.5);
}

TEST(Percentiles, OfFewValuesAreTheLargest) {
  const Percentiles found = PercentilesOf({3, 1, 2});
  EXPECT_EQ(found.p50, 2);
  EXPECT_EQ(found.p90, 3);
  EXPECT_EQ(found.p99, 3);
  EXPECT_EQ(PercentilesOf({7}).p50, 7);
}

TEST(Percentiles, OfNothingAreZero) {
  EXPECT_EQ(PercentilesOf({}).count, 0);
  EXPECT_EQ(PercentilesOf({}).max, 0);
}

}  // namespace
}  // namespace trinity

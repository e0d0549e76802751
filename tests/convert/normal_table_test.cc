#include "convert/normal_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/half.h"

namespace trinity {
namespace {

constexpr int64_t kNumValues = 1 << 20;

std::vector<double> Values(DType dtype, double mean, double stddev, uint64_t stream = 2) {
  const NormalTable table(dtype, mean, stddev);
  std::vector<std::byte> bytes(static_cast<size_t>(BytesOf(dtype, kNumValues)));
  table.Fill(1, stream, 0, bytes);
  std::vector<double> values(kNumValues);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = dtype == DType::kF32
                    ? reinterpret_cast<const float*>(bytes.data())[i]
                    : BFloat16ToFloat(reinterpret_cast<const uint16_t*>(bytes.data())[i]);
  }
  return values;
}

// Of a million draws the error of the mean is 0.001, of the deviation 0.0007, of the fourth moment
// 0.01: the bounds are five times that.
TEST(NormalTable, HasTheMomentsOfTheNormalDistribution) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const std::vector<double> values = Values(dtype, 3, 0.5);
    double mean = 0, second = 0, fourth = 0;
    for (const double v : values) mean += v / kNumValues;
    for (const double v : values) second += std::pow(v - mean, 2) / kNumValues;
    for (const double v : values) fourth += std::pow(v - mean, 4) / kNumValues;
    EXPECT_NEAR(mean, 3, 0.005 * 0.5);
    EXPECT_NEAR(std::sqrt(second), 0.5, 0.0035 * 0.5);
    EXPECT_NEAR(fourth / (second * second), 3, 0.05);
  }
}

TEST(NormalTable, HasTheQuantilesOfTheNormalDistribution) {
  std::vector<double> values = Values(DType::kF32, 0, 1);
  std::sort(values.begin(), values.end());
  for (const auto& [share, quantile] : std::vector<std::pair<double, double>>{
           {0.5, 0}, {0.8413447, 1}, {0.9772499, 2}, {0.9986501, 3}, {0.0013499, -3}}) {
    EXPECT_NEAR(values[static_cast<size_t>(share * kNumValues)], quantile, 0.03) << share;
  }
  EXPECT_GT(values.back(), 4);
  EXPECT_LT(values.back(), 4.4);
}

TEST(NormalTable, NeighboursAndStreamsAreIndependent) {
  const std::vector<double> values = Values(DType::kF32, 0, 1),
                            others = Values(DType::kF32, 0, 1, 3);
  for (const size_t lag : {1, 2, 4, 8, 16, 1024}) {
    double correlation = 0;
    for (size_t i = lag; i < values.size(); ++i) correlation += values[i] * values[i - lag];
    EXPECT_NEAR(correlation / kNumValues, 0, 0.005) << lag;
  }
  double correlation = 0;
  for (size_t i = 0; i < values.size(); ++i) correlation += values[i] * others[i];
  EXPECT_NEAR(correlation / kNumValues, 0, 0.005);
}

TEST(NormalTable, ValueDependsOnItsPositionAlone) {
  const NormalTable table(DType::kBF16, 0, 1);
  std::vector<std::byte> whole(2000), part(100);
  table.Fill(7, 9, 0, whole);
  table.Fill(7, 9, 400, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 800));
}

TEST(NormalTable, ZeroDeviationIsConstant) {
  EXPECT_THAT(Values(DType::kBF16, 1, 0), testing::Each(1.0));
  EXPECT_THAT(Values(DType::kF32, 0, 0), testing::Each(0.0));
}

}  // namespace
}  // namespace trinity

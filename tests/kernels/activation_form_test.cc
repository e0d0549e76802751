#include "kernels/activation_form.h"

#include <algorithm>

#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

std::vector<std::byte> Prepared(const std::vector<float>& row) {
  const auto cols = static_cast<int64_t>(row.size());
  std::vector<std::byte> out(static_cast<size_t>(PreparedRowBytes(ActivationForm::kInt8, cols)));
  PrepareRow(ActivationForm::kInt8, row.data(), cols, out.data());
  return out;
}

TEST(ActivationForm, Int8RowsHoldCodesScalesAndSumsOfTheirBlocks) {
  OnEverySimdTarget([] {
    for (const int64_t cols : {32, 96, 1024}) {
      std::vector<float> row = RandomFloats(cols, 9);
      row[5] = 20.0F;
      const std::vector<std::byte> prepared = Prepared(row);
      const Int8Row parts(prepared.data(), cols);
      for (int64_t first = 0; first < cols; first += 32) {
        float largest = 0;
        for (int64_t i = first; i < first + 32; ++i) {
          largest = std::max(largest, std::abs(row[static_cast<size_t>(i)]));
        }
        ASSERT_EQ(parts.scales[first / 32], largest / 127.0F);
        int32_t sums[2] = {0, 0};
        for (int64_t i = first; i < first + 32; ++i) {
          const float value = row[static_cast<size_t>(i)] * (127.0F / largest);
          ASSERT_EQ(parts.codes[i], std::nearbyint(value));
          sums[(i - first) / 16] += parts.codes[i];
        }
        ASSERT_EQ(parts.sums[first / 16], sums[0]);
        ASSERT_EQ(parts.sums[first / 16 + 1], sums[1]);
      }
    }
  });
}

TEST(ActivationForm, ABlockOfZerosOrOfNothingButTinyValuesHasZeroCodes) {
  OnEverySimdTarget([] {
    for (const float value : {0.0F, -0.0F, 1e-40F, 1e-36F}) {
      const std::vector<std::byte> prepared = Prepared(std::vector<float>(32, value));
      const Int8Row parts(prepared.data(), 32);
      EXPECT_TRUE(std::all_of(parts.codes, parts.codes + 32, [](int8_t x) { return x == 0; }));
      EXPECT_EQ(parts.sums[0], 0);
      EXPECT_LE(parts.scales[0], 1e-38F);
    }
  });
}

TEST(ActivationForm, NaNMakesTheScaleOfItsBlockNaNAndNoOther) {
  OnEverySimdTarget([] {
    std::vector<float> row = RandomFloats(96, 9);
    row[40] = NAN;
    const std::vector<std::byte> prepared = Prepared(row);
    const Int8Row parts(prepared.data(), 96);
    EXPECT_FALSE(std::isnan(parts.scales[0]));
    EXPECT_TRUE(std::isnan(parts.scales[1]));
    EXPECT_FALSE(std::isnan(parts.scales[2]));
  });
}

TEST(ActivationForm, AModeMeansItsFormOnlyForMatricesThatItAppliesTo) {
  for (const DType dtype : kFloatDTypes) {
    EXPECT_EQ(FormFor(ComputeMode::kF32, dtype), ActivationForm::kFloat32);
    EXPECT_EQ(FormFor(ComputeMode::kInt8, dtype), ActivationForm::kFloat32);
  }
  EXPECT_EQ(FormFor(ComputeMode::kF32, DType::kQ8_0), ActivationForm::kFloat32);
  EXPECT_EQ(FormFor(ComputeMode::kInt8, DType::kQ4_K), ActivationForm::kInt8);
  EXPECT_EQ(FormFor(ComputeMode::kAuto, DType::kMXFP4), ActivationForm::kInt8);
}

}  // namespace
}  // namespace trinity

#include "kernels/row_sums.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

constexpr int64_t kSizes[] = {1, 15, 16, 33, 64, 100, 131};

struct Rows {
  Rows(int64_t count, int64_t size) : values(static_cast<size_t>(count * size + 1)) {
    std::mt19937 random(static_cast<unsigned>(size));
    std::normal_distribution<float> normal;
    for (float& value : values) value = normal(random);
    // Not aligned to more than a float.
    for (int64_t i = 0; i < count; ++i) pointers.push_back(values.data() + 1 + i * size);
  }

  std::vector<float> values;
  std::vector<const float*> pointers;
};

TEST(RowSums, WeightedRowsAreAddedOneAfterTheOther) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      const Rows rows(5, size);
      const std::vector<float> weights = {0.5F, -2.0F, 0.0F, 1e-3F, 7.0F};
      std::vector<float> sums(static_cast<size_t>(size), 0.25F), want = sums;
      for (size_t i = 0; i < weights.size(); ++i) {
        for (size_t k = 0; k < want.size(); ++k) {
          want[k] = MultiplyAdd(weights[i], rows.pointers[i][k], want[k]);
        }
      }
      AddWeightedRows(rows.pointers, weights.data(), size, sums.data());
      EXPECT_EQ(sums, want) << size;
    }
  });
}

TEST(RowSums, NoRowsAddNothing) {
  float sum = 3.0F;
  AddWeightedRows({}, nullptr, 1, &sum);
  EXPECT_EQ(sum, 3.0F);
}

TEST(RowSums, DotsAreSumsOfProducts) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      const Rows rows(4, size);
      const float* x = rows.pointers.back();
      std::vector<float> dots(rows.pointers.size());
      DotRows(x, rows.pointers, size, dots.data());
      for (size_t i = 0; i < dots.size(); ++i) {
        double want = 0, magnitude = 0;
        for (int64_t k = 0; k < size; ++k) {
          const double product =
              static_cast<double>(x[k]) * static_cast<double>(rows.pointers[i][k]);
          want += product;
          magnitude += std::abs(product);
        }
        EXPECT_NEAR(static_cast<double>(dots[i]), want, 1e-6 * magnitude) << size;
      }
    }
  });
}

}  // namespace
}  // namespace trinity

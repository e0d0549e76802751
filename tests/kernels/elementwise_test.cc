#include "kernels/elementwise.h"

#include <algorithm>
#include <limits>

#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

constexpr int64_t kSizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257};

// |found - expected| in units of the last place of `expected`.
double UnitsApart(float found, double expected) {
  if (static_cast<double>(found) == expected) return 0;
  const auto rounded = static_cast<float>(expected);
  const double unit = static_cast<double>(
      std::nextafter(std::fabs(rounded), std::numeric_limits<float>::max()) - std::fabs(rounded));
  return std::fabs(static_cast<double>(found) - expected) / unit;
}

double SigmoidOf(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

// Values that start at a misaligned address.
struct Misaligned {
  Misaligned(int64_t size, uint32_t seed) : storage(RandomFloats(size + 1, seed)) {}
  float* data() { return storage.data() + 1; }
  std::vector<float> storage;
};

TEST(Elementwise, RmsNormDividesByTheRootMeanSquare) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      Misaligned x(size, 1), weight(size, 2);
      std::vector<float> out(static_cast<size_t>(size) + 1, 5.0F);
      RmsNorm(x.data(), weight.data(), 1e-5F, size, out.data());
      double sum = 0;
      for (int64_t i = 0; i < size; ++i) sum += double{x.data()[i]} * x.data()[i];
      const double factor = 1 / std::sqrt(sum / static_cast<double>(size) + 1e-5);
      for (int64_t i = 0; i < size; ++i) {
        const double expected = x.data()[i] * factor * weight.data()[i];
        EXPECT_LT(UnitsApart(out[static_cast<size_t>(i)], expected), 8) << size;
      }
      EXPECT_EQ(out.back(), 5.0F);
    }
  });
}

TEST(Elementwise, RmsNormGivesTheSameBitsInPlaceAndAtAnyAlignment) {
  OnEverySimdTarget([] {
    const std::vector<float> weight = RandomFloats(100, 2);
    std::vector<float> expected(100);
    RmsNorm(RandomFloats(100, 1).data(), weight.data(), 1e-5F, 100, expected.data());
    for (int64_t shift = 0; shift < 17; ++shift) {
      std::vector<float> shifted(static_cast<size_t>(shift));
      const std::vector<float> x = RandomFloats(100, 1);
      shifted.insert(shifted.end(), x.begin(), x.end());
      RmsNorm(shifted.data() + shift, weight.data(), 1e-5F, 100, shifted.data() + shift);
      EXPECT_TRUE(std::equal(expected.begin(), expected.end(), shifted.begin() + shift));
    }
  });
}

TEST(Elementwise, AddScaleAndRotateAreExact) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      Misaligned a(2 * size, 1), b(size, 2), c(size, 3);
      std::vector<float> sum(static_cast<size_t>(size)), rotated(a.data(), a.data() + 2 * size);
      std::vector<float> scaled(a.data(), a.data() + size);
      Add(a.data(), b.data(), size, sum.data());
      Scale(scaled.data(), 0.37F, size);
      RotateHalves(rotated.data(), b.data(), c.data(), size);
      for (int64_t i = 0; i < size; ++i) {
        const auto k = static_cast<size_t>(i);
        const float low = a.data()[i], high = a.data()[i + size];
        const float cos = b.data()[i], sin = c.data()[i];
        ASSERT_EQ(sum[k], low + cos);
        ASSERT_EQ(scaled[k], low * 0.37F);
        ASSERT_EQ(rotated[k], low * cos - high * sin);
        ASSERT_EQ(rotated[k + static_cast<size_t>(size)], high * cos + low * sin);
      }
    }
  });
}

TEST(Elementwise, SigmoidIsAccurateForEveryMagnitude) {
  std::vector<float> x;
  for (double value = -87.0; value <= 120.0; value += 0.00317) {
    x.push_back(static_cast<float>(value));
  }
  const auto size = static_cast<int64_t>(x.size());
  OnEverySimdTarget([&] {
    std::vector<float> out(x.size());
    Sigmoid(x.data(), size, out.data());
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_LT(UnitsApart(out[i], SigmoidOf(static_cast<double>(x[i]))), 3) << x[i];
    }
  });
}

TEST(Elementwise, SigmoidAndSiluOfHugeValuesAreFinite) {
  constexpr float kMax = std::numeric_limits<float>::max();
  const std::vector<float> x = {-kMax, -1e10F, -104.5F, -90.0F,  -0.0F,  0.0F, 1e-40F,
                                90.0F, 1e10F,  kMax,    -1e-40F, -88.0F, 89.0F};
  const auto size = static_cast<int64_t>(x.size());
  OnEverySimdTarget([&] {
    const std::vector<float> ones(x.size(), 1.0F);
    std::vector<float> sigmoid(x.size()), silu(x.size()), product(x.size());
    Sigmoid(x.data(), size, sigmoid.data());
    SiluMultiply(x.data(), ones.data(), 1.0F, size, silu.data());
    SigmoidMultiply(ones.data(), x.data(), size, product.data());
    EXPECT_EQ(sigmoid, product);
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_TRUE(sigmoid[i] >= 0 && sigmoid[i] <= 1) << x[i];
      EXPECT_TRUE(std::isfinite(silu[i])) << x[i];
      EXPECT_NEAR(static_cast<double>(sigmoid[i]), SigmoidOf(static_cast<double>(x[i])), 1e-7);
    }
    EXPECT_EQ(sigmoid[0], 0.0F);
    EXPECT_EQ(sigmoid[4], 0.5F);
    EXPECT_EQ(sigmoid[9], 1.0F);
    EXPECT_EQ(silu[9], kMax);
  });
}

TEST(Elementwise, SiluAndSigmoidMultiplyMatchTheirDefinitionAtEverySize) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      Misaligned gate(size, 1), up(size, 2);
      std::vector<float> silu(static_cast<size_t>(size));
      SiluMultiply(gate.data(), up.data(), 1.7F, size, silu.data());
      std::vector<float> product(up.data(), up.data() + size);
      SigmoidMultiply(product.data(), gate.data(), size, product.data());
      for (int64_t i = 0; i < size; ++i) {
        const double g = gate.data()[i], u = up.data()[i];
        const auto k = static_cast<size_t>(i);
        ASSERT_LT(UnitsApart(silu[k], g * SigmoidOf(g) * u * double{1.7F}), 6);
        ASSERT_LT(UnitsApart(product[k], u * SigmoidOf(g)), 5);
      }
    }
  });
}

TEST(Elementwise, AValueGivesTheSameBitsInAFullVectorAndInATail) {
  OnEverySimdTarget([] {
    const std::vector<float> x = RandomFloats(64, 1);
    std::vector<float> together(64), alone(64);
    SiluMultiply(x.data(), x.data(), 1.0F, 64, together.data());
    for (size_t i = 0; i < 64; ++i) SiluMultiply(&x[i], &x[i], 1.0F, 1, &alone[i]);
    EXPECT_EQ(together, alone);
  });
}

TEST(Elementwise, SoftmaxSumsToOneAndKeepsMaskedPlacesAtZero) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      Misaligned x(size, 4);
      if (size > 3) x.data()[1] = -INFINITY;
      x.data()[size - 1] += 300.0F;
      std::vector<float> out(static_cast<size_t>(size));
      Softmax(x.data(), size, out.data());
      double sum = 0;
      const double max = *std::max_element(x.data(), x.data() + size);
      for (int64_t i = 0; i < size; ++i) sum += std::exp(x.data()[i] - max);
      for (int64_t i = 0; i < size; ++i) {
        const double expected = std::exp(x.data()[i] - max) / sum;
        EXPECT_NEAR(static_cast<double>(out[static_cast<size_t>(i)]), expected, 2e-7);
      }
      if (size > 3) {
        EXPECT_EQ(out[1], 0.0F);
      }
    }
  });
}

TEST(Elementwise, ArgMaxIsTheLowestIndexOfTheLargest) {
  OnEverySimdTarget([] {
    for (const int64_t size : kSizes) {
      for (int64_t place = 0; place < size; ++place) {
        Misaligned x(size, 6);
        x.data()[place] = 50.0F;
        x.data()[size - 1] = 50.0F;
        x.data()[std::min(place + 3, size - 1)] = 50.0F;
        ASSERT_EQ(ArgMax(x.data(), size), place);
      }
    }
  });
}

TEST(Elementwise, ArgMaxPassesOverNaN) {
  OnEverySimdTarget([] {
    std::vector<float> x(40, NAN);
    EXPECT_EQ(ArgMax(x.data(), 40), 0);
    x[37] = -INFINITY;
    EXPECT_EQ(ArgMax(x.data(), 40), 37);
    x[20] = -3.0F;
    EXPECT_EQ(ArgMax(x.data(), 40), 20);
  });
}

TEST(Elementwise, WideningEqualsTheScalarTruthForAllValues) {
  constexpr int64_t kSize = 1 << 16;
  OnEverySimdTarget([] {
    std::vector<std::byte> bytes(2 * kSize + 1);
    for (uint32_t i = 0; i < kSize; ++i) {
      const auto bits = static_cast<uint16_t>(i);
      std::memcpy(bytes.data() + 1 + 2 * i, &bits, sizeof(bits));
    }
    std::vector<float> f16(kSize), bf16(kSize);
    WidenToFloat(bytes.data() + 1, DType::kF16, kSize, f16.data());
    WidenToFloat(bytes.data() + 1, DType::kBF16, kSize, bf16.data());
    for (uint32_t i = 0; i < kSize; ++i) {
      const float expected = Float16ToFloat(static_cast<uint16_t>(i));
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(f16[i])) << i;
      } else {
        ASSERT_EQ(BitsOf(f16[i]), BitsOf(expected)) << i;
      }
      ASSERT_EQ(BitsOf(bf16[i]), i << 16);
    }
  });
}

TEST(Elementwise, WideningTakesEverySizeAndWritesNoMore) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      for (const int64_t size : kSizes) {
        const RoundedValues values = RoundTo(dtype, RandomFloats(size, 9));
        std::vector<float> out(static_cast<size_t>(size) + 1, 5.0F);
        WidenToFloat(values.bytes.data(), dtype, size, out.data());
        EXPECT_TRUE(std::equal(values.floats.begin(), values.floats.end(), out.begin()));
        EXPECT_EQ(out.back(), 5.0F);
      }
    }
  });
}

}  // namespace
}  // namespace trinity

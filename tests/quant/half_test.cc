#include "quant/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace trinity {
namespace {

constexpr uint32_t kNumHalves = 1 << 16;

// The value of binary16 bits from its definition.
double Float16Value(uint32_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = static_cast<int>((bits >> 10) & 31);
  const double fraction = bits & 1023;
  if (exponent == 31) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN()
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(Half, EveryFloat16WidensToItsValue) {
  for (uint32_t bits = 0; bits < kNumHalves; ++bits) {
    const float widened = Float16ToFloat(static_cast<uint16_t>(bits));
    const double expected = Float16Value(bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(widened)) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(widened), expected) << bits;
      ASSERT_EQ(std::signbit(widened), (bits & 0x8000) != 0) << bits;
    }
  }
}

TEST(Half, EveryFloat16SurvivesTheWayThereAndBack) {
  for (uint32_t bits = 0; bits < kNumHalves; ++bits) {
    const float widened = Float16ToFloat(static_cast<uint16_t>(bits));
    const uint16_t back = FloatToFloat16(widened);
    if (std::isnan(widened)) {
      ASSERT_TRUE(std::isnan(Float16ToFloat(back))) << bits;
    } else {
      ASSERT_EQ(back, bits);
    }
  }
}

TEST(Half, EveryBFloat16SurvivesTheWayThereAndBack) {
  for (uint32_t bits = 0; bits < kNumHalves; ++bits) {
    const float widened = BFloat16ToFloat(static_cast<uint16_t>(bits));
    const uint16_t back = FloatToBFloat16(widened);
    if (std::isnan(widened)) {
      ASSERT_TRUE(std::isnan(BFloat16ToFloat(back))) << bits;
    } else {
      ASSERT_EQ(back, bits);
    }
  }
}

// Between each two neighbours `low` and `low + 1` of a format (bits of positive values): just
// below the middle rounds down, just above it up, the middle to the even one.
template <class Widen, class Round>
void ExpectNearestEven(uint32_t largest_finite, Widen widen, Round round) {
  for (uint32_t low = 0; low < largest_finite; ++low) {
    const double a = static_cast<double>(widen(static_cast<uint16_t>(low)));
    const double b = static_cast<double>(widen(static_cast<uint16_t>(low + 1)));
    const auto middle = static_cast<float>((a + b) / 2);
    ASSERT_EQ(static_cast<double>(middle), (a + b) / 2) << "the middle is a float32";
    const uint32_t even = low + (low & 1);
    ASSERT_EQ(round(middle), even) << low;
    ASSERT_EQ(round(-middle), even | 0x8000) << low;
    ASSERT_EQ(round(std::nextafter(middle, 0.0F)), low);
    ASSERT_EQ(round(std::nextafter(middle, HUGE_VALF)), low + 1);
  }
}

TEST(Half, Float16RoundsToNearestAndTiesToEven) {
  ExpectNearestEven(0x7BFF, Float16ToFloat, FloatToFloat16);
}

TEST(Half, BFloat16RoundsToNearestAndTiesToEven) {
  ExpectNearestEven(0x7F7F, BFloat16ToFloat, FloatToBFloat16);
}

TEST(Half, TooLargeForFloat16BecomesInfinity) {
  EXPECT_EQ(FloatToFloat16(65504.0F), 0x7BFF);
  EXPECT_EQ(FloatToFloat16(std::nextafter(65520.0F, 0.0F)), 0x7BFF);
  EXPECT_EQ(FloatToFloat16(65520.0F), 0x7C00);
  EXPECT_EQ(FloatToFloat16(-1e30F), 0xFC00);
  EXPECT_EQ(FloatToFloat16(-INFINITY), 0xFC00);
}

TEST(Half, TooLargeForBFloat16BecomesInfinity) {
  EXPECT_EQ(FloatToBFloat16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(FloatToBFloat16(-INFINITY), 0xFF80);
}

TEST(Half, NaNStaysNaNEvenWhereItsPayloadIsCutOff) {
  for (const uint32_t bits : {0x7F800001u, 0x7FFFFFFFu, 0xFF800001u, 0xFFC00000u}) {
    const auto value = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(BFloat16ToFloat(FloatToBFloat16(value)))) << bits;
    EXPECT_TRUE(std::isnan(Float16ToFloat(FloatToFloat16(value)))) << bits;
  }
}

TEST(Half, TinyValuesRoundToZeroOfTheirSign) {
  EXPECT_EQ(FloatToFloat16(0x1p-25F), 0);
  EXPECT_EQ(FloatToFloat16(-0x1p-25F), 0x8000);
  EXPECT_EQ(FloatToFloat16(std::nextafter(0x1p-25F, 1.0F)), 1);
  EXPECT_EQ(FloatToFloat16(-0.0F), 0x8000);
  EXPECT_EQ(FloatToBFloat16(-0.0F), 0x8000);
}

}  // namespace
}  // namespace trinity

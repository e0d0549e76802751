#include "quant/legacy_quantize.h"

#include <algorithm>
#include <cmath>

#include "quant/half.h"
#include "quant/legacy_blocks.h"

namespace trinity {
namespace {

// The error is that of the scale as it is stored.
double ErrorOf(const IntegerLevels& levels, const WeightedValues& v, float scale) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  double error = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    const float difference = scale * levels.Nearest(v.values[i] * inverse) - v.values[i];
    error += double{v.weights[i]} * difference * difference;
  }
  return error;
}

// The better one of a scale's two neighbours in binary16: for small scales these are far apart.
float StoredScale(const IntegerLevels& levels, const WeightedValues& v, float scale) {
  const float nearest = RoundToFloat16(scale);
  const float other = RoundToFloat16(nearest + 2 * (scale - nearest));
  return ErrorOf(levels, v, other) < ErrorOf(levels, v, nearest) ? other : nearest;
}

template <typename Block>
void QuantizeScaled(const IntegerLevels& levels, const WeightedValues& v, Block& block) {
  const float scale = StoredScale(levels, v, SearchScale(levels, v).scale);
  const float inverse = scale != 0 ? 1 / scale : 0;
  LegacyParts parts;
  parts.scale = FloatToFloat16(scale);
  for (size_t i = 0; i < v.size(); ++i) {
    parts.codes[i] = static_cast<int8_t>(levels.Nearest(v.values[i] * inverse));
  }
  Pack(parts, block);
}

template <typename Block>
void QuantizeShifted(float highest_code, const WeightedValues& v, Block& block) {
  const IntegerLevels levels = {0, highest_code};
  const ShiftedFit fit = SearchShifted(highest_code, v, MinimumSign::kAny);
  const float scale = RoundToFloat16(fit.scale), minimum = RoundToFloat16(fit.minimum);
  const float inverse = scale != 0 ? 1 / scale : 0;
  LegacyParts parts;
  parts.scale = FloatToFloat16(scale);
  parts.minimum = FloatToFloat16(minimum);
  for (size_t i = 0; i < v.size(); ++i) {
    parts.codes[i] = static_cast<int8_t>(levels.Nearest((v.values[i] - minimum) * inverse));
  }
  Pack(parts, block);
}

}  // namespace

void Quantize(const WeightedValues& v, BlockQ8_0& block) {
  constexpr float kHighest = 127, kLargestScale = 65504;
  float largest = 0;
  for (const float value : v.values) largest = std::max(largest, std::abs(value));
  const float scale = std::min(largest / kHighest, kLargestScale);
  LegacyParts parts;
  parts.scale = FloatToFloat16(scale);
  const float inverse = parts.scale != 0 ? 1 / scale : 0;
  for (size_t i = 0; i < v.size(); ++i) {
    const float code = std::round(v.values[i] * inverse);
    parts.codes[i] = static_cast<int8_t>(std::clamp(code, -kHighest, kHighest));
  }
  Pack(parts, block);
}

void Quantize(const WeightedValues& v, BlockQ4_0& block) {
  QuantizeScaled(IntegerLevels{-8, 7}, v, block);
}

void Quantize(const WeightedValues& v, BlockQ4_1& block) { QuantizeShifted(15, v, block); }

void Quantize(const WeightedValues& v, BlockQ5_0& block) {
  QuantizeScaled(IntegerLevels{-16, 15}, v, block);
}

void Quantize(const WeightedValues& v, BlockQ5_1& block) { QuantizeShifted(31, v, block); }

}  // namespace trinity

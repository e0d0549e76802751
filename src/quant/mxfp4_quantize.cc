#include "quant/mxfp4_quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/legacy_blocks.h"
#include "quant/mxfp4_blocks.h"

namespace trinity {
namespace {

const TableLevels& Levels() {
  static const TableLevels levels(kE2M1Doubled);
  return levels;
}

uint8_t CodeOf(int level) {
  const auto* found = std::find(kE2M1Doubled.begin(), kE2M1Doubled.end(), level);
  return static_cast<uint8_t>(found - kE2M1Doubled.begin());
}

}  // namespace

void Quantize(const WeightedValues& v, BlockMXFP4& block) {
  // The largest value lies in [2^(exponent - 1), 2^exponent), the largest level is 6.
  float largest = 0;
  for (const float value : v.values) largest = std::max(largest, std::abs(value));
  int exponent = 0;
  std::frexp(largest, &exponent);
  block = {};
  if (largest == 0) return;
  double least = std::numeric_limits<double>::infinity();
  for (int biased = exponent + 123; biased <= exponent + 126; ++biased) {
    if (biased < 0 || biased > 254) continue;
    const float scale = Mxfp4Scale(static_cast<uint8_t>(biased));
    uint8_t codes[32];
    double error = 0;
    for (size_t i = 0; i < v.size(); ++i) {
      // A division: the inverse of the smallest scales is not finite.
      const float level = Levels().Nearest(v.values[i] / scale);
      const double difference = double{scale} * level - v.values[i];
      error += v.weights[i] * difference * difference;
      codes[i] = CodeOf(static_cast<int>(level));
    }
    if (error >= least) continue;
    least = error;
    block.exponent = static_cast<uint8_t>(biased);
    PackNibbles(codes, block.nibbles);
  }
}

}  // namespace trinity

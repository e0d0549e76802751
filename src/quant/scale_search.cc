#include "quant/scale_search.h"

#include <algorithm>
#include <limits>

#include "quant/half.h"

namespace trinity {
namespace {

constexpr float kTooSmall = 0x1p-40F;

// Sums over the values v with their weights w and the codes q of a candidate.
struct Sums {
  float w = 0, q = 0, qq = 0, v = 0, vq = 0, vv = 0;
};

Sums SumUp(float highest_code, const WeightedValues& x, const ShiftedFit& fit) {
  const IntegerLevels levels = {0, highest_code};
  const float inverse = 1 / fit.scale;
  return RunVectorLoop([&]() TRINITY_VECTOR_LOOP -> Sums {
    constexpr size_t kLanes = 8;
    float w[kLanes] = {}, q[kLanes] = {}, qq[kLanes] = {};
    float v[kLanes] = {}, vq[kLanes] = {}, vv[kLanes] = {};
    for (size_t i = 0; i < x.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float value = x.values[i + lane], weight = x.weights[i + lane];
        const float code = levels.Nearest((value - fit.minimum) * inverse);
        w[lane] += weight;
        q[lane] += weight * code;
        qq[lane] += weight * code * code;
        v[lane] += weight * value;
        vq[lane] += weight * value * code;
        vv[lane] += weight * value * value;
      }
    }
    return {SumOfLanes(w), SumOfLanes(q),  SumOfLanes(qq),
            SumOfLanes(v), SumOfLanes(vq), SumOfLanes(vv)};
  });
}

// The best scale and minimum for the codes that `s` was summed over.
ShiftedFit LeastSquares(const Sums& s, MinimumSign sign) {
  const double determinant = double{s.w} * s.qq - double{s.q} * s.q;
  double scale = 0, minimum = 0;
  if (determinant > 1e-9 * s.w * s.qq) {
    scale = (double{s.w} * s.vq - double{s.q} * s.v) / determinant;
    minimum = (double{s.qq} * s.v - double{s.q} * s.vq) / determinant;
  }
  if ((sign == MinimumSign::kNotPositive && minimum > 0) || scale <= 0) {
    minimum = 0;
    scale = s.qq > 0 ? double{s.vq} / s.qq : 0;
  }
  const double error = s.vv + scale * scale * s.qq + minimum * minimum * s.w +
                       2 * scale * minimum * s.q - 2 * scale * s.vq - 2 * minimum * s.v;
  return {static_cast<float>(scale), static_cast<float>(minimum), static_cast<float>(error)};
}

// The same value everywhere needs no codes but 0, or is the only code above it.
ShiftedFit FitConstant(float value, float highest_code, MinimumSign sign) {
  if (value <= 0 || sign == MinimumSign::kAny) return {0, value, 0};
  return {value / highest_code, 0, 0};
}

}  // namespace

float RoundToFloat16(float value) {
  constexpr float kLargest = 65504;
  return Float16ToFloat(FloatToFloat16(std::clamp(value, -kLargest, kLargest)));
}

ShiftedFit SearchShifted(float highest_code, const WeightedValues& v, MinimumSign sign) {
  // How far the ends of the range are moved inwards, as shares of it.
  constexpr float kMoves[] = {-0.04F, 0, 0.04F, 0.08F, 0.14F};
  constexpr int kMaxRefinements = 5;
  const auto [low, high] = std::minmax_element(v.values.begin(), v.values.end());
  const float lowest = sign == MinimumSign::kNotPositive ? std::min(*low, 0.0F) : *low;
  const float range = *high - lowest;
  if (*high - *low < kTooSmall) return FitConstant(*high, highest_code, sign);
  if (range < kTooSmall) return {};
  ShiftedFit best = {0, 0, std::numeric_limits<float>::infinity()};
  for (const float low_move : kMoves) {
    for (const float high_move : kMoves) {
      const float minimum = lowest + low_move * range;
      ShiftedFit fit = {(*high - high_move * range - minimum) / highest_code, minimum, 0};
      fit = LeastSquares(SumUp(highest_code, v, fit), sign);
      if (fit.error < best.error && fit.scale > 0) best = fit;
    }
  }
  for (int i = 0; i < kMaxRefinements && best.scale > 0; ++i) {
    const ShiftedFit fit = LeastSquares(SumUp(highest_code, v, best), sign);
    if (!(fit.error < best.error) || fit.scale <= 0) break;
    best = fit;
  }
  return best;
}

}  // namespace trinity

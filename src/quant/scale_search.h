#pragma once

#include <cmath>
#include <span>

#include "quant/code_levels.h"
#include "quant/vector_loop.h"

namespace trinity {

// Values that share a scale, each with the weight of its squared error. Their number is a multiple
// of eight; all are finite, weights not negative.
struct WeightedValues {
  std::span<const float> values;
  std::span<const float> weights;

  size_t size() const { return values.size(); }
  WeightedValues Part(size_t first, size_t count) const {
    return {values.subspan(first, count), weights.subspan(first, count)};
  }
};

// The nearest binary16 number, at most the largest finite one.
float RoundToFloat16(float value);

// The squared error of value = scale * level falls with `gain` = (sum w v l)^2 / sum w l^2.
struct ScaleFit {
  float scale = 0;
  float gain = 0;
};

// The best scale for the levels that are nearest to values * inverse_scale.
template <typename Levels>
ScaleFit FitScale(const Levels& levels, const WeightedValues& v, float inverse_scale) {
  return RunVectorLoop([&]() TRINITY_VECTOR_LOOP -> ScaleFit {
    constexpr size_t kLanes = 8;
    float products[kLanes] = {}, squares[kLanes] = {};
    for (size_t i = 0; i < v.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float value = v.values[i + lane];
        const float level = levels.Nearest(value * inverse_scale);
        const float weighted = v.weights[i + lane] * level;
        products[lane] += weighted * value;
        squares[lane] += weighted * level;
      }
    }
    const float product = SumOfLanes(products), square = SumOfLanes(squares);
    if (square <= 0) return {};
    return {product / square, product / square * product};
  });
}

// The scale, of either sign, with which value = scale * level has the least weighted squared error
// that a search finds: the largest value goes to places around the lowest and the highest level,
// the best of these is refined by least squares. 0 where all values are too small for any format.
template <typename Levels>
ScaleFit SearchScale(const Levels& levels, const WeightedValues& v) {
  constexpr float kTooSmall = 0x1p-40F;
  constexpr int kNumSteps = 21;
  constexpr float kFirstPlace = 0.85F, kStep = 0.025F;
  constexpr int kMaxRefinements = 4;
  float largest = 0;
  for (const float value : v.values)
    largest = std::abs(value) > std::abs(largest) ? value : largest;
  if (std::abs(largest) < kTooSmall) return {};
  ScaleFit best;
  for (const float extreme : {levels.lowest, levels.highest}) {
    for (int step = 0; step < kNumSteps; ++step) {
      const float place = kFirstPlace + kStep * static_cast<float>(step);
      const ScaleFit fit = FitScale(levels, v, place * extreme / largest);
      if (fit.gain > best.gain) best = fit;
    }
  }
  for (int i = 0; i < kMaxRefinements && best.scale != 0; ++i) {
    const ScaleFit fit = FitScale(levels, v, 1 / best.scale);
    if (fit.gain <= best.gain) break;
    best = fit;
  }
  return best;
}

// value = scale * code + minimum, code from 0.
struct ShiftedFit {
  float scale = 0;
  float minimum = 0;
  float error = 0;
};

enum class MinimumSign { kAny, kNotPositive };

// The scale and minimum with the least weighted squared error that a search finds: ranges around
// that of the values, each refined by least squares.
ShiftedFit SearchShifted(float highest_code, const WeightedValues& v, MinimumSign sign);

}  // namespace trinity

#include "quant/shifted_group_search.h"

#include <algorithm>
#include <cmath>

namespace trinity {
namespace {

constexpr int kMaxRounds = 4;
constexpr size_t kNumValues = 256;

// The share of group_scale and group_minimum in the normal equations, and their right side.
struct NormalEquations {
  double aa = 0, ab = 0, bb = 0, av = 0, bv = 0;
};

class ShiftedSearch {
 public:
  ShiftedSearch(int highest_code, int highest_scale, const WeightedValues& v, size_t group_values)
      : levels_{0, static_cast<float>(highest_code)},
        highest_scale_(highest_scale),
        v_(v),
        group_values_(group_values) {}

  ShiftedGroups Search() {
    float largest_scale = 0, largest_minimum = 0;
    for (size_t group = 0; group < num_groups(); ++group) {
      const ShiftedFit fit =
          SearchShifted(levels_.highest, Group(group), MinimumSign::kNotPositive);
      scale_fits_[group] = fit.scale;
      minimum_fits_[group] = -fit.minimum;
      largest_scale = std::max(largest_scale, fit.scale);
      largest_minimum = std::max(largest_minimum, -fit.minimum);
    }
    const auto highest = static_cast<float>(highest_scale_);
    for (const float place : {1.0F, 0.93F}) {
      Refine(RoundToFloat16(largest_scale / (place * highest)),
             RoundToFloat16(largest_minimum / (place * highest)));
    }
    FillCodes();
    return best_;
  }

 private:
  size_t num_groups() const { return kNumValues / group_values_; }
  WeightedValues Group(size_t group) const { return v_.Part(group * group_values_, group_values_); }

  void Refine(float group_scale, float group_minimum) {
    std::array<float, 16> scales = scale_fits_, minimums = minimum_fits_;
    for (int round = 0; round < kMaxRounds; ++round) {
      ShiftedGroups groups;
      groups.group_scale = group_scale;
      groups.group_minimum = group_minimum;
      groups.error = 0;
      for (size_t group = 0; group < num_groups(); ++group) {
        PickIntegers(group, scales[group], minimums[group], groups);
      }
      if (!(groups.error < best_.error)) return;
      best_ = groups;
      for (size_t group = 0; group < num_groups(); ++group) {
        scales[group] = group_scale * static_cast<float>(groups.scales[group]);
        minimums[group] = group_minimum * static_cast<float>(groups.minimums[group]);
      }
      Solve(groups, group_scale, group_minimum);
    }
  }

  // The integers next to scale / group_scale and minimum / group_minimum with the least error.
  void PickIntegers(size_t group, float scale, float minimum, ShiftedGroups& groups) const {
    const int scale_middle = Middle(scale, groups.group_scale);
    const int minimum_middle = Middle(minimum, groups.group_minimum);
    float least = std::numeric_limits<float>::infinity();
    for (int m = minimum_middle - 1; m <= minimum_middle + 1; ++m) {
      for (int s = scale_middle - 1; s <= scale_middle + 1; ++s) {
        if (s < 0 || s > highest_scale_ || m < 0 || m > highest_scale_) continue;
        const float error = ErrorOf(Group(group), groups.group_scale * static_cast<float>(s),
                                    groups.group_minimum * static_cast<float>(m));
        if (error < least) {
          least = error;
          groups.scales[group] = static_cast<uint8_t>(s);
          groups.minimums[group] = static_cast<uint8_t>(m);
        }
      }
    }
    groups.error += least;
  }

  int Middle(float target, float unit) const {
    if (unit <= 0) return 0;
    return static_cast<int>(
        std::lround(std::clamp(target / unit, 0.0F, static_cast<float>(highest_scale_))));
  }

  float ErrorOf(const WeightedValues& v, float scale, float minimum) const {
    const float inverse = scale > 0 ? 1 / scale : 0;
    return RunVectorLoop([&]() TRINITY_VECTOR_LOOP -> float {
      constexpr size_t kLanes = 8;
      float sums[kLanes] = {};
      for (size_t i = 0; i < v.size(); i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const float shifted = v.values[i + lane] + minimum;
          const float difference = scale * levels_.Nearest(shifted * inverse) - shifted;
          sums[lane] += v.weights[i + lane] * difference * difference;
        }
      }
      return SumOfLanes(sums);
    });
  }

  int8_t CodeOf(size_t i, const ShiftedGroups& groups) const {
    const size_t group = i / group_values_;
    const float scale = groups.group_scale * static_cast<float>(groups.scales[group]);
    const float minimum = groups.group_minimum * static_cast<float>(groups.minimums[group]);
    const float inverse = scale > 0 ? 1 / scale : 0;
    return static_cast<int8_t>(levels_.Nearest((v_.values[i] + minimum) * inverse));
  }

  // The best group_scale and group_minimum for the integers and codes of `groups`; left as they are
  // where these do not determine them.
  void Solve(const ShiftedGroups& groups, float& group_scale, float& group_minimum) const {
    NormalEquations n;
    for (size_t i = 0; i < kNumValues; ++i) {
      const size_t group = i / group_values_;
      const double a = 1.0 * CodeOf(i, groups) * groups.scales[group];
      const double b = -1.0 * groups.minimums[group];
      const double weight = v_.weights[i], value = v_.values[i];
      n.aa += weight * a * a;
      n.ab += weight * a * b;
      n.bb += weight * b * b;
      n.av += weight * a * value;
      n.bv += weight * b * value;
    }
    const double determinant = n.aa * n.bb - n.ab * n.ab;
    if (determinant > 1e-9 * n.aa * n.bb) {
      const double scale = (n.bb * n.av - n.ab * n.bv) / determinant;
      const double minimum = (n.aa * n.bv - n.ab * n.av) / determinant;
      if (scale > 0 && minimum >= 0) {
        group_scale = RoundToFloat16(static_cast<float>(scale));
        group_minimum = RoundToFloat16(static_cast<float>(minimum));
      }
    } else if (n.aa > 0 && n.bb == 0 && n.av > 0) {
      group_scale = RoundToFloat16(static_cast<float>(n.av / n.aa));
    }
  }

  void FillCodes() {
    for (size_t i = 0; i < kNumValues; ++i) best_.codes[i] = CodeOf(i, best_);
  }

  IntegerLevels levels_;
  int highest_scale_;
  const WeightedValues& v_;
  size_t group_values_;
  std::array<float, 16> scale_fits_{}, minimum_fits_{};
  ShiftedGroups best_;
};

}  // namespace

ShiftedGroups SearchShiftedGroups(int highest_code, int highest_scale, const WeightedValues& v,
                                  size_t group_values) {
  return ShiftedSearch(highest_code, highest_scale, v, group_values).Search();
}

}  // namespace trinity

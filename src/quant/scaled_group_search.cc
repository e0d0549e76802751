#include "quant/scaled_group_search.h"

#include <algorithm>
#include <cmath>

namespace trinity {
namespace {

constexpr int kMaxRounds = 4;
constexpr size_t kNumValues = 256;

// Sums over a group: w the weight, v a value, l the level of its code.
struct LevelSums {
  float vl = 0;
  float ll = 0;
};

template <typename Levels>
LevelSums SumLevels(const Levels& levels, const WeightedValues& v, float scale) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  return RunVectorLoop([&]() TRINITY_VECTOR_LOOP -> LevelSums {
    constexpr size_t kLanes = 8;
    float vl[kLanes] = {}, ll[kLanes] = {};
    for (size_t i = 0; i < v.size(); i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float level = levels.Nearest(v.values[i + lane] * inverse);
        const float weighted = v.weights[i + lane] * level;
        vl[lane] += weighted * v.values[i + lane];
        ll[lane] += weighted * level;
      }
    }
    return {SumOfLanes(vl), SumOfLanes(ll)};
  });
}

// One block with a fixed kind of codes.
template <typename Levels>
class ScaledSearch {
 public:
  ScaledSearch(const Levels& levels, ScaleRange range, const WeightedValues& v, size_t group_values)
      : levels_(levels), range_(range), v_(v), group_values_(group_values) {}

  ScaledGroups Search() {
    float largest = 0;
    for (size_t group = 0; group < num_groups(); ++group) {
      fits_[group] = SearchScale(levels_, Group(group)).scale;
      if (std::abs(fits_[group]) > std::abs(largest)) largest = fits_[group];
    }
    // Where the largest scale of a group may go: the ends of the range of integers, and a bit
    // inside, which gives the others another grid.
    for (const float place : {1.0F, 0.97F, 0.94F}) {
      for (const int end : {range_.lowest, range_.highest}) {
        const float group_scale = largest / (place * static_cast<float>(end));
        Refine(RoundToFloat16(group_scale));
      }
    }
    FillLevels();
    return best_;
  }

 private:
  size_t num_groups() const { return kNumValues / group_values_; }
  WeightedValues Group(size_t group) const { return v_.Part(group * group_values_, group_values_); }

  void Refine(float group_scale) {
    std::array<float, 16> centers = fits_;
    for (int round = 0; round < kMaxRounds; ++round) {
      ScaledGroups groups;
      groups.group_scale = group_scale;
      groups.error = 0;
      double product = 0, square = 0;
      for (size_t group = 0; group < num_groups(); ++group) {
        const LevelSums sums = PickScale(group, centers[group], groups);
        const double scale = groups.scales[group];
        product += scale * sums.vl;
        square += scale * scale * sums.ll;
      }
      if (!(groups.error < best_.error)) return;
      best_ = groups;
      if (square <= 0) return;
      for (size_t group = 0; group < num_groups(); ++group) {
        centers[group] = group_scale * static_cast<float>(groups.scales[group]);
      }
      group_scale = RoundToFloat16(static_cast<float>(product / square));
    }
  }

  // The integer next to center / group_scale with the least error, which is added up without the
  // sum of squared values: that is the same for all candidates.
  LevelSums PickScale(size_t group, float center, ScaledGroups& groups) const {
    const float group_scale = groups.group_scale;
    const auto lowest = static_cast<float>(range_.lowest),
               highest = static_cast<float>(range_.highest);
    const auto middle = static_cast<int>(
        std::lround(group_scale != 0 ? std::clamp(center / group_scale, lowest, highest) : 0));
    double least = 0;  // scale 0
    LevelSums best_sums;
    for (int scale = middle - 1; scale <= middle + 1; ++scale) {
      if (scale < range_.lowest || scale > range_.highest || scale == 0) continue;
      const double product = double{group_scale} * scale;
      const LevelSums sums = SumLevels(levels_, Group(group), static_cast<float>(product));
      const double error = product * (product * sums.ll - 2.0 * sums.vl);
      if (error < least) {
        least = error;
        best_sums = sums;
        groups.scales[group] = static_cast<int8_t>(scale);
      }
    }
    groups.error += least;
    return best_sums;
  }

  void FillLevels() {
    for (size_t i = 0; i < kNumValues; ++i) {
      const float scale = best_.group_scale * static_cast<float>(best_.scales[i / group_values_]);
      const float inverse = scale != 0 ? 1 / scale : 0;
      best_.levels[i] = static_cast<int8_t>(levels_.Nearest(v_.values[i] * inverse));
    }
  }

  const Levels& levels_;
  ScaleRange range_;
  const WeightedValues& v_;
  size_t group_values_;
  std::array<float, 16> fits_{};
  ScaledGroups best_;
};

}  // namespace

ScaledGroups SearchScaledGroups(const IntegerLevels& levels, ScaleRange range,
                                const WeightedValues& v, size_t group_values) {
  return ScaledSearch(levels, range, v, group_values).Search();
}

ScaledGroups SearchScaledGroups(const TableLevels& levels, ScaleRange range,
                                const WeightedValues& v, size_t group_values) {
  return ScaledSearch(levels, range, v, group_values).Search();
}

}  // namespace trinity

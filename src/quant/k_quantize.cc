#include "quant/k_quantize.h"

#include "quant/half.h"
#include "quant/k_quant_blocks.h"
#include "quant/scaled_group_search.h"
#include "quant/shifted_group_search.h"

namespace trinity {
namespace {

constexpr size_t kSmallGroup = 16;
constexpr size_t kLargeGroup = 32;

KShiftedParts PartsOf(const ShiftedGroups& groups) {
  KShiftedParts parts;
  parts.group_scale = FloatToFloat16(groups.group_scale);
  parts.group_minimum = FloatToFloat16(groups.group_minimum);
  parts.scales = groups.scales;
  parts.minimums = groups.minimums;
  parts.codes = groups.codes;
  return parts;
}

KScaledParts PartsOf(const ScaledGroups& groups) {
  KScaledParts parts;
  parts.group_scale = FloatToFloat16(groups.group_scale);
  parts.scales = groups.scales;
  parts.codes = groups.levels;
  return parts;
}

}  // namespace

void Quantize(const WeightedValues& v, BlockQ2_K& block) {
  Pack(PartsOf(SearchShiftedGroups(3, 15, v, kSmallGroup)), block);
}

void Quantize(const WeightedValues& v, BlockQ3_K& block) {
  Pack(PartsOf(SearchScaledGroups(IntegerLevels{-4, 3}, {-32, 31}, v, kSmallGroup)), block);
}

void Quantize(const WeightedValues& v, BlockQ4_K& block) {
  Pack(PartsOf(SearchShiftedGroups(15, 63, v, kLargeGroup)), block);
}

void Quantize(const WeightedValues& v, BlockQ5_K& block) {
  Pack(PartsOf(SearchShiftedGroups(31, 63, v, kLargeGroup)), block);
}

void Quantize(const WeightedValues& v, BlockQ6_K& block) {
  Pack(PartsOf(SearchScaledGroups(IntegerLevels{-32, 31}, {-128, 127}, v, kSmallGroup)), block);
}

}  // namespace trinity

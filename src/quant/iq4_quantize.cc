#include "quant/iq4_quantize.h"

#include <algorithm>

#include "quant/half.h"
#include "quant/iq4_blocks.h"
#include "quant/scaled_group_search.h"

namespace trinity {
namespace {

const TableLevels& Levels() {
  static const TableLevels levels(kIq4Levels);
  return levels;
}

uint8_t CodeOf(int level) {
  const auto found = std::lower_bound(kIq4Levels.begin(), kIq4Levels.end(), level);
  return static_cast<uint8_t>(found - kIq4Levels.begin());
}

}  // namespace

void Quantize(const WeightedValues& v, BlockIQ4_NL& block) {
  const float scale = RoundToFloat16(SearchScale(Levels(), v).scale);
  const float inverse = scale != 0 ? 1 / scale : 0;
  Iq4NlParts parts;
  parts.scale = FloatToFloat16(scale);
  for (size_t i = 0; i < v.size(); ++i) {
    parts.codes[i] = CodeOf(static_cast<int>(Levels().Nearest(v.values[i] * inverse)));
  }
  Pack(parts, block);
}

void Quantize(const WeightedValues& v, BlockIQ4_XS& block) {
  constexpr size_t kGroupValues = 32;
  const ScaledGroups groups = SearchScaledGroups(Levels(), {-32, 31}, v, kGroupValues);
  Iq4XsParts parts;
  parts.group_scale = FloatToFloat16(groups.group_scale);
  std::copy_n(groups.scales.begin(), parts.scales.size(), parts.scales.begin());
  std::transform(groups.levels.begin(), groups.levels.end(), parts.codes.begin(), CodeOf);
  Pack(parts, block);
}

}  // namespace trinity

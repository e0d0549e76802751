#include "quant/iq4_blocks.h"

#include "quant/half.h"
#include "quant/legacy_blocks.h"

namespace trinity {
namespace {

constexpr size_t kNumGroups = 8;
constexpr size_t kGroupValues = 32;
constexpr size_t kGroupBytes = 16;

}  // namespace

Iq4NlParts Unpack(const BlockIQ4_NL& block) {
  Iq4NlParts parts;
  parts.scale = block.scale;
  UnpackNibbles(block.nibbles, parts.codes.data());
  return parts;
}

Iq4XsParts Unpack(const BlockIQ4_XS& block) {
  Iq4XsParts parts;
  parts.group_scale = block.group_scale;
  for (size_t group = 0; group < kNumGroups; ++group) {
    const int low = (block.scales_low[group / 2] >> (group % 2 * 4)) & 15;
    const int high = (block.scales_high >> (group * 2)) & 3;
    parts.scales[group] = static_cast<int8_t>((low | high << 4) - 32);
    UnpackNibbles(block.nibbles + group * kGroupBytes, parts.codes.data() + group * kGroupValues);
  }
  return parts;
}

void Pack(const Iq4NlParts& parts, BlockIQ4_NL& block) {
  block.scale = parts.scale;
  PackNibbles(parts.codes.data(), block.nibbles);
}

void Pack(const Iq4XsParts& parts, BlockIQ4_XS& block) {
  block = {};
  block.group_scale = parts.group_scale;
  for (size_t group = 0; group < kNumGroups; ++group) {
    const int scale = parts.scales[group] + 32;
    uint8_t& low = block.scales_low[group / 2];
    low = static_cast<uint8_t>(low | (scale & 15) << (group % 2 * 4));
    block.scales_high = static_cast<uint16_t>(block.scales_high | (scale >> 4) << (group * 2));
    PackNibbles(parts.codes.data() + group * kGroupValues, block.nibbles + group * kGroupBytes);
  }
}

void Dequantize(const BlockIQ4_NL& block, float* out) {
  const Iq4NlParts parts = Unpack(block);
  const float scale = Float16ToFloat(parts.scale);
  for (size_t i = 0; i < kGroupValues; ++i) {
    out[i] = scale * static_cast<float>(kIq4Levels[parts.codes[i]]);
  }
}

void Dequantize(const BlockIQ4_XS& block, float* out) {
  const Iq4XsParts parts = Unpack(block);
  const float group_scale = Float16ToFloat(parts.group_scale);
  for (size_t i = 0; i < kNumGroups * kGroupValues; ++i) {
    const float scale = group_scale * static_cast<float>(parts.scales[i / kGroupValues]);
    out[i] = scale * static_cast<float>(kIq4Levels[parts.codes[i]]);
  }
}

}  // namespace trinity

#include "quant/mxfp4_blocks.h"

#include <cmath>

#include "quant/legacy_blocks.h"

namespace trinity {

float Mxfp4Scale(uint8_t exponent) { return std::ldexp(1.0F, exponent - 128); }

Mxfp4Parts Unpack(const BlockMXFP4& block) {
  Mxfp4Parts parts;
  parts.scale = Mxfp4Scale(block.exponent);
  UnpackNibbles(block.nibbles, parts.codes.data());
  return parts;
}

void Dequantize(const BlockMXFP4& block, float* out) {
  const Mxfp4Parts parts = Unpack(block);
  for (size_t i = 0; i < parts.codes.size(); ++i) {
    out[i] = parts.scale * static_cast<float>(kE2M1Doubled[parts.codes[i]]);
  }
}

}  // namespace trinity

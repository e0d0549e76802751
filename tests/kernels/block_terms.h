#pragma once

#include <cstring>
#include <vector>

#include "base/dtype.h"
#include "quant/dequantize.h"
#include "quant/half.h"
#include "quant/iq4_blocks.h"
#include "quant/k_quant_blocks.h"
#include "quant/legacy_blocks.h"
#include "quant/mxfp4_blocks.h"
#include "quant/quantize.h"

namespace trinity {

inline constexpr DType kBlockDTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,   DType::kQ5_0,
                                         DType::kQ5_1, DType::kQ2_K, DType::kQ3_K,   DType::kQ4_K,
                                         DType::kQ5_K, DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS,
                                         DType::kMXFP4};

// Whether a block of 32 columns has two scales.
inline bool HasTwoScales(DType dtype) {
  return dtype == DType::kQ2_K || dtype == DType::kQ3_K || dtype == DType::kQ6_K;
}

inline bool HasMinimums(DType dtype) {
  return dtype == DType::kQ4_1 || dtype == DType::kQ5_1 || dtype == DType::kQ2_K ||
         dtype == DType::kQ4_K || dtype == DType::kQ5_K;
}

// A row of a block format as value i = scales[i / 16] * codes[i] + minimums[i / 16].
struct BlockTerms {
  std::vector<int> codes;
  std::vector<float> scales;
  std::vector<float> minimums;
};

inline void AddTerms(const LegacyParts& parts, BlockTerms& terms) {
  terms.codes.insert(terms.codes.end(), parts.codes.begin(), parts.codes.end());
  terms.scales.insert(terms.scales.end(), 2, Float16ToFloat(parts.scale));
  terms.minimums.insert(terms.minimums.end(), 2, Float16ToFloat(parts.minimum));
}

inline void AddTerms(const KScaledParts& parts, BlockTerms& terms) {
  terms.codes.insert(terms.codes.end(), parts.codes.begin(), parts.codes.end());
  for (const int8_t scale : parts.scales) {
    terms.scales.push_back(Float16ToFloat(parts.group_scale) * static_cast<float>(scale));
    terms.minimums.push_back(0);
  }
}

inline void AddTerms(const KShiftedParts& parts, size_t num_groups, BlockTerms& terms) {
  terms.codes.insert(terms.codes.end(), parts.codes.begin(), parts.codes.end());
  for (size_t i = 0; i < 16; ++i) {
    const size_t group = i * num_groups / 16;
    terms.scales.push_back(Float16ToFloat(parts.group_scale) *
                           static_cast<float>(parts.scales[group]));
    terms.minimums.push_back(
        -(Float16ToFloat(parts.group_minimum) * static_cast<float>(parts.minimums[group])));
  }
}

inline void AddTerms(const Iq4NlParts& parts, BlockTerms& terms) {
  for (const uint8_t code : parts.codes) terms.codes.push_back(kIq4Levels[code]);
  terms.scales.insert(terms.scales.end(), 2, Float16ToFloat(parts.scale));
  terms.minimums.insert(terms.minimums.end(), 2, 0.0F);
}

inline void AddTerms(const Iq4XsParts& parts, BlockTerms& terms) {
  for (const uint8_t code : parts.codes) terms.codes.push_back(kIq4Levels[code]);
  for (size_t i = 0; i < 16; ++i) {
    terms.scales.push_back(Float16ToFloat(parts.group_scale) *
                           static_cast<float>(parts.scales[i / 2]));
    terms.minimums.push_back(0);
  }
}

inline void AddTerms(const Mxfp4Parts& parts, BlockTerms& terms) {
  for (const uint8_t code : parts.codes) terms.codes.push_back(kE2M1Doubled[code]);
  terms.scales.insert(terms.scales.end(), 2, parts.scale);
  terms.minimums.insert(terms.minimums.end(), 2, 0.0F);
}

inline void AddBlock(const BlockQ2_K& block, BlockTerms& terms) {
  AddTerms(Unpack(block), 16, terms);
}
inline void AddBlock(const BlockQ4_K& block, BlockTerms& terms) {
  AddTerms(Unpack(block), 8, terms);
}
inline void AddBlock(const BlockQ5_K& block, BlockTerms& terms) {
  AddTerms(Unpack(block), 8, terms);
}
template <typename Block>
void AddBlock(const Block& block, BlockTerms& terms) {
  AddTerms(Unpack(block), terms);
}

template <typename Block>
BlockTerms TermsOfBlocks(const std::byte* bytes, int64_t num_values, int64_t block_values) {
  BlockTerms terms;
  for (int64_t i = 0; i < num_values; i += block_values, bytes += sizeof(Block)) {
    Block block;
    std::memcpy(&block, bytes, sizeof block);
    AddBlock(block, terms);
  }
  return terms;
}

inline BlockTerms TermsOf(DType dtype, const std::byte* bytes, int64_t num_values) {
  switch (dtype) {
    case DType::kQ4_0:
      return TermsOfBlocks<BlockQ4_0>(bytes, num_values, 32);
    case DType::kQ4_1:
      return TermsOfBlocks<BlockQ4_1>(bytes, num_values, 32);
    case DType::kQ5_0:
      return TermsOfBlocks<BlockQ5_0>(bytes, num_values, 32);
    case DType::kQ5_1:
      return TermsOfBlocks<BlockQ5_1>(bytes, num_values, 32);
    case DType::kQ2_K:
      return TermsOfBlocks<BlockQ2_K>(bytes, num_values, 256);
    case DType::kQ3_K:
      return TermsOfBlocks<BlockQ3_K>(bytes, num_values, 256);
    case DType::kQ4_K:
      return TermsOfBlocks<BlockQ4_K>(bytes, num_values, 256);
    case DType::kQ5_K:
      return TermsOfBlocks<BlockQ5_K>(bytes, num_values, 256);
    case DType::kQ6_K:
      return TermsOfBlocks<BlockQ6_K>(bytes, num_values, 256);
    case DType::kIQ4_NL:
      return TermsOfBlocks<BlockIQ4_NL>(bytes, num_values, 32);
    case DType::kIQ4_XS:
      return TermsOfBlocks<BlockIQ4_XS>(bytes, num_values, 256);
    case DType::kMXFP4:
      return TermsOfBlocks<BlockMXFP4>(bytes, num_values, 32);
    default:
      return TermsOfBlocks<BlockQ8_0>(bytes, num_values, 32);
  }
}

}  // namespace trinity

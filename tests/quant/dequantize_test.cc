#include "quant/dequantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>
#include <span>
#include <vector>

#include "quant/half.h"
#include "quant/iq4_blocks.h"
#include "quant/k_quant_blocks.h"
#include "quant/legacy_blocks.h"
#include "quant/mxfp4_blocks.h"
#include "tests/quant/quant_vectors.h"

namespace trinity {
namespace {

TEST(Dequantize, EveryBlockFormatGivesTheBitsOfTheReference) {
  for (const DType dtype : kBlockFormats) {
    const QuantCase given(dtype);
    ASSERT_EQ(given.values.size(), 4096u) << NameOf(dtype);
    std::vector<float> values(given.values.size());
    DequantizeRow(dtype, given.blocks.data(), 4096, values.data());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(given.values[i]))
          << NameOf(dtype) << " value " << i << ": " << values[i] << ", " << given.values[i];
    }
  }
}

TEST(Dequantize, BlocksNeedNoAlignment) {
  for (const DType dtype : kBlockFormats) {
    const QuantCase given(dtype);
    std::vector<std::byte> shifted(1);
    shifted.insert(shifted.end(), given.blocks.begin(), given.blocks.end());
    std::vector<float> values(given.values.size());
    DequantizeRow(dtype, shifted.data() + 1, 4096, values.data());
    EXPECT_EQ(std::memcmp(values.data(), given.values.data(), 4096 * sizeof(float)), 0)
        << NameOf(dtype);
  }
}

TEST(Dequantize, PlainFloatsAreWidened) {
  const std::vector<float> expected = {1.5F, -0.25F, 0.0F, 65504.0F};
  std::vector<uint16_t> halves, bfloats;
  for (const float value : expected) {
    halves.push_back(FloatToFloat16(value));
    bfloats.push_back(FloatToBFloat16(value));
  }
  std::vector<float> values(4);
  DequantizeRow(DType::kF32, std::as_bytes(std::span(expected)).data(), 4, values.data());
  EXPECT_EQ(values, expected);
  DequantizeRow(DType::kF16, std::as_bytes(std::span(halves)).data(), 4, values.data());
  EXPECT_EQ(values, expected);
  DequantizeRow(DType::kBF16, std::as_bytes(std::span(bfloats)).data(), 3, values.data());
  EXPECT_EQ(values, expected) << "the last value stays";
}

TEST(Dequantize, KnowsWhatItCanDo) {
  for (const DType dtype : kBlockFormats) EXPECT_TRUE(CanDequantize(dtype)) << NameOf(dtype);
  EXPECT_TRUE(CanDequantize(DType::kF16));
  EXPECT_FALSE(CanDequantize(DType::kF64));
  EXPECT_FALSE(CanDequantize(DType::kU8));
}

TEST(DequantizeDeathTest, PartOfABlockIsADefect) {
  std::byte block[34]{};
  float values[32];
  EXPECT_DEATH(DequantizeRow(DType::kQ8_0, block, 31, values), "block_values");
}

TEST(Dequantize, NaNScaleGivesNaN) {
  BlockQ8_0 block{};
  block.scale = 0x7E01;
  block.codes[0] = 1;
  float values[32];
  DequantizeRow(DType::kQ8_0, reinterpret_cast<const std::byte*>(&block), 32, values);
  EXPECT_TRUE(std::isnan(values[0]));
}

// Unpack then Pack gives the bytes back, so Pack is right where Unpack is.
template <typename Block>
void ExpectPackInvertsUnpack(DType dtype) {
  const QuantCase given(dtype);
  for (size_t at = 0; at < given.blocks.size(); at += sizeof(Block)) {
    Block block, packed;
    std::memcpy(&block, given.blocks.data() + at, sizeof block);
    Pack(Unpack(block), packed);
    ASSERT_EQ(std::memcmp(&block, &packed, sizeof block), 0) << NameOf(dtype) << " byte " << at;
  }
}

TEST(QuantBlocks, PackInvertsUnpack) {
  ExpectPackInvertsUnpack<BlockQ8_0>(DType::kQ8_0);
  ExpectPackInvertsUnpack<BlockQ4_0>(DType::kQ4_0);
  ExpectPackInvertsUnpack<BlockQ4_1>(DType::kQ4_1);
  ExpectPackInvertsUnpack<BlockQ5_0>(DType::kQ5_0);
  ExpectPackInvertsUnpack<BlockQ5_1>(DType::kQ5_1);
  ExpectPackInvertsUnpack<BlockQ2_K>(DType::kQ2_K);
  ExpectPackInvertsUnpack<BlockQ3_K>(DType::kQ3_K);
  ExpectPackInvertsUnpack<BlockQ4_K>(DType::kQ4_K);
  ExpectPackInvertsUnpack<BlockQ5_K>(DType::kQ5_K);
  ExpectPackInvertsUnpack<BlockQ6_K>(DType::kQ6_K);
  ExpectPackInvertsUnpack<BlockIQ4_NL>(DType::kIQ4_NL);
  ExpectPackInvertsUnpack<BlockIQ4_XS>(DType::kIQ4_XS);
}

TEST(QuantBlocks, VectorsHoldEveryCode) {
  const QuantCase given(DType::kMXFP4);
  std::set<int> codes, exponents;
  for (size_t at = 0; at < given.blocks.size(); at += sizeof(BlockMXFP4)) {
    BlockMXFP4 block;
    std::memcpy(&block, given.blocks.data() + at, sizeof block);
    exponents.insert(block.exponent);
    for (const uint8_t code : Unpack(block).codes) codes.insert(code);
  }
  EXPECT_EQ(codes.size(), 16u);
  EXPECT_GT(exponents.size(), 80u);
}

TEST(Mxfp4, ScaleIsHalfAPowerOfTwo) {
  EXPECT_EQ(Mxfp4Scale(128), 1.0F);
  EXPECT_EQ(Mxfp4Scale(0), 0x1p-128F);
  EXPECT_EQ(Mxfp4Scale(1), 0x1p-127F);
  EXPECT_EQ(Mxfp4Scale(2), 0x1p-126F);
  EXPECT_EQ(Mxfp4Scale(255), 0x1p127F);
}

}  // namespace
}  // namespace trinity

#include "quant/dequantize.h"

#include <cstring>

#include "base/check.h"
#include "quant/half.h"
#include "quant/iq4_blocks.h"
#include "quant/k_quant_blocks.h"
#include "quant/legacy_blocks.h"
#include "quant/mxfp4_blocks.h"

namespace trinity {
namespace {

template <typename Block>
void DequantizeBlocks(const std::byte* bytes, int64_t num_values, int64_t block_values,
                      float* out) {
  for (int64_t i = 0; i < num_values; i += block_values) {
    Block block;
    std::memcpy(&block, bytes, sizeof block);
    bytes += sizeof block;
    Dequantize(block, out + i);
  }
}

template <typename Convert>
void WidenHalves(const std::byte* bytes, int64_t num_values, Convert convert, float* out) {
  for (int64_t i = 0; i < num_values; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes + i * 2, sizeof bits);
    out[i] = convert(bits);
  }
}

}  // namespace

bool CanDequantize(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
         IsBlockFormat(dtype);
}

void DequantizeRow(DType dtype, const std::byte* blocks, int64_t num_values, float* out) {
  const int64_t block_values = InfoOf(dtype).block_values;
  TRINITY_CHECK(CanDequantize(dtype) && num_values % block_values == 0);
  switch (dtype) {
    case DType::kF32:
      std::memcpy(out, blocks, static_cast<size_t>(BytesOf(dtype, num_values)));
      return;
    case DType::kF16:
      return WidenHalves(blocks, num_values, Float16ToFloat, out);
    case DType::kBF16:
      return WidenHalves(blocks, num_values, BFloat16ToFloat, out);
    case DType::kQ8_0:
      return DequantizeBlocks<BlockQ8_0>(blocks, num_values, block_values, out);
    case DType::kQ4_0:
      return DequantizeBlocks<BlockQ4_0>(blocks, num_values, block_values, out);
    case DType::kQ4_1:
      return DequantizeBlocks<BlockQ4_1>(blocks, num_values, block_values, out);
    case DType::kQ5_0:
      return DequantizeBlocks<BlockQ5_0>(blocks, num_values, block_values, out);
    case DType::kQ5_1:
      return DequantizeBlocks<BlockQ5_1>(blocks, num_values, block_values, out);
    case DType::kQ2_K:
      return DequantizeBlocks<BlockQ2_K>(blocks, num_values, block_values, out);
    case DType::kQ3_K:
      return DequantizeBlocks<BlockQ3_K>(blocks, num_values, block_values, out);
    case DType::kQ4_K:
      return DequantizeBlocks<BlockQ4_K>(blocks, num_values, block_values, out);
    case DType::kQ5_K:
      return DequantizeBlocks<BlockQ5_K>(blocks, num_values, block_values, out);
    case DType::kQ6_K:
      return DequantizeBlocks<BlockQ6_K>(blocks, num_values, block_values, out);
    case DType::kIQ4_NL:
      return DequantizeBlocks<BlockIQ4_NL>(blocks, num_values, block_values, out);
    case DType::kIQ4_XS:
      return DequantizeBlocks<BlockIQ4_XS>(blocks, num_values, block_values, out);
    case DType::kMXFP4:
      return DequantizeBlocks<BlockMXFP4>(blocks, num_values, block_values, out);
    default:
      return;
  }
}

}  // namespace trinity

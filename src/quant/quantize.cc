#include "quant/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "quant/half.h"
#include "quant/iq4_quantize.h"
#include "quant/k_quantize.h"
#include "quant/legacy_quantize.h"
#include "quant/mxfp4_quantize.h"

namespace trinity {
namespace {

constexpr size_t kMaxBlockValues = 256;

void CheckRow(std::span<const float> values, std::span<const float> importance) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      Fail("value {} of a row to be quantized: expected a finite number, found {}", i, values[i]);
    }
  }
  for (size_t i = 0; i < importance.size(); ++i) {
    if (!std::isfinite(importance[i]) || importance[i] < 0) {
      Fail("importance {}: expected a finite number, at least 0, found {}", i, importance[i]);
    }
  }
}

// One block's values within the range where sums of squares are finite, and its weights, the
// largest of them 1.
class BlockInput {
 public:
  BlockInput(std::span<const float> values, std::span<const float> importance)
      : size_(values.size()) {
    constexpr float kLargest = 0x1p30F;
    std::transform(values.begin(), values.end(), values_,
                   [=](float value) { return std::clamp(value, -kLargest, kLargest); });
    const float largest =
        importance.empty() ? 0 : *std::max_element(importance.begin(), importance.end());
    if (largest <= 0) {
      std::fill_n(weights_, size_, 1.0F);
    } else {
      std::transform(importance.begin(), importance.end(), weights_,
                     [&](float weight) { return weight / largest; });
    }
  }

  WeightedValues view() const { return {{values_, size_}, {weights_, size_}}; }

 private:
  size_t size_;
  float values_[kMaxBlockValues];
  float weights_[kMaxBlockValues];
};

template <typename Block>
void QuantizeBlocks(size_t block_values, std::span<const float> values,
                    std::span<const float> importance, std::byte* blocks) {
  for (size_t i = 0; i < values.size(); i += block_values) {
    const BlockInput input(values.subspan(i, block_values),
                           importance.empty() ? importance : importance.subspan(i, block_values));
    Block block;
    Quantize(input.view(), block);
    std::memcpy(blocks, &block, sizeof block);
    blocks += sizeof block;
  }
}

template <typename Convert>
void NarrowToHalves(std::span<const float> values, Convert convert, std::byte* out) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits = convert(values[i]);
    std::memcpy(out + i * sizeof bits, &bits, sizeof bits);
  }
}

}  // namespace

void QuantizeRow(DType dtype, std::span<const float> values, std::span<const float> importance,
                 std::byte* blocks) {
  const auto n = static_cast<size_t>(InfoOf(dtype).block_values);
  TRINITY_CHECK(values.size() % n == 0);
  TRINITY_CHECK(importance.empty() || importance.size() == values.size());
  CheckRow(values, importance);
  switch (dtype) {
    case DType::kF32:
      std::memcpy(blocks, values.data(), values.size_bytes());
      return;
    case DType::kF16:
      return NarrowToHalves(values, FloatToFloat16, blocks);
    case DType::kBF16:
      return NarrowToHalves(values, FloatToBFloat16, blocks);
    case DType::kQ8_0:
      return QuantizeBlocks<BlockQ8_0>(n, values, importance, blocks);
    case DType::kQ4_0:
      return QuantizeBlocks<BlockQ4_0>(n, values, importance, blocks);
    case DType::kQ4_1:
      return QuantizeBlocks<BlockQ4_1>(n, values, importance, blocks);
    case DType::kQ5_0:
      return QuantizeBlocks<BlockQ5_0>(n, values, importance, blocks);
    case DType::kQ5_1:
      return QuantizeBlocks<BlockQ5_1>(n, values, importance, blocks);
    case DType::kQ2_K:
      return QuantizeBlocks<BlockQ2_K>(n, values, importance, blocks);
    case DType::kQ3_K:
      return QuantizeBlocks<BlockQ3_K>(n, values, importance, blocks);
    case DType::kQ4_K:
      return QuantizeBlocks<BlockQ4_K>(n, values, importance, blocks);
    case DType::kQ5_K:
      return QuantizeBlocks<BlockQ5_K>(n, values, importance, blocks);
    case DType::kQ6_K:
      return QuantizeBlocks<BlockQ6_K>(n, values, importance, blocks);
    case DType::kIQ4_NL:
      return QuantizeBlocks<BlockIQ4_NL>(n, values, importance, blocks);
    case DType::kIQ4_XS:
      return QuantizeBlocks<BlockIQ4_XS>(n, values, importance, blocks);
    case DType::kMXFP4:
      return QuantizeBlocks<BlockMXFP4>(n, values, importance, blocks);
    default:
      TRINITY_CHECK(!"a dtype that holds weights");
  }
}

}  // namespace trinity

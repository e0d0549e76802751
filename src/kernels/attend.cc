#include "kernels/attend.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "kernels/enabled_targets.h"
#include "quant/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attend.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/attend_block.h"
#include "kernels/exponential.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void AttendOnTarget(std::span<const BlockQuery> queries, const KvBlock& block) {
  switch (block.dtype) {
    case DType::kF32:
      return AttendQueries<F32Format>(queries, block);
    case DType::kF16:
      return AttendQueries<F16Format>(queries, block);
    default:
      return AttendQueries<BF16Format>(queries, block);
  }
}

// a * a_factor + b * b_factor, on `size` values.
void MergeOnTarget(const AttentionPartial& next, int64_t head_dim, AttentionPartial& total) {
  const FloatTag d;
  const float max = std::max(total.max, next.max);
  const float total_factor = ExpOf(total.max - max);
  const float next_factor = ExpOf(next.max - max);
  const auto merge = [=](auto tag, const float* from, float* to) HWY_ATTR {
    const auto scaled = hn::Mul(hn::LoadU(tag, to), hn::Set(tag, total_factor));
    hn::StoreU(hn::MulAdd(hn::LoadU(tag, from), hn::Set(tag, next_factor), scaled), tag, to);
  };
  int64_t i = 0;
  for (; i + kLanes <= head_dim; i += kLanes) merge(d, next.values + i, total.values + i);
  for (; i < head_dim; ++i) merge(OneTag(), next.values + i, total.values + i);
  merge(OneTag(), &next.sum, &total.sum);
  total.max = max;
}

void FinishOnTarget(const AttentionPartial& total, int64_t head_dim, float* out) {
  const FloatTag d;
  int64_t i = 0;
  for (; i + kLanes <= head_dim; i += kLanes) {
    hn::StoreU(hn::Div(hn::LoadU(d, total.values + i), hn::Set(d, total.sum)), d, out + i);
  }
  for (; i < head_dim; ++i) out[i] = total.values[i] / total.sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(AttendOnTarget);
HWY_EXPORT(MergeOnTarget);
HWY_EXPORT(FinishOnTarget);

bool IsCacheDType(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

uint16_t RoundToHalf(float value, DType dtype) {
  return dtype == DType::kF16 ? FloatToFloat16(value) : FloatToBFloat16(value);
}

template <class T>
void StoreValue(std::byte* page, int64_t index, T value) {
  std::memcpy(page + index * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
}

}  // namespace

int64_t KvPageBytes(DType dtype, int64_t head_dim) {
  return 2 * BytesOf(dtype, kKvPageTokens * head_dim);
}

void StoreKeyValue(const float* key, const float* value, int64_t head_dim, DType dtype,
                   int64_t slot, std::byte* page) {
  TRINITY_CHECK(IsCacheDType(dtype));
  TRINITY_CHECK(slot >= 0 && slot < kKvPageTokens);
  const int64_t group = slot / kKeyGroupTokens;
  const int64_t first_key = group * head_dim * kKeyGroupTokens + slot % kKeyGroupTokens;
  const int64_t first_value = (kKvPageTokens + slot) * head_dim;
  for (int64_t i = 0; i < head_dim; ++i) {
    const int64_t key_index = first_key + i * kKeyGroupTokens;
    if (dtype == DType::kF32) {
      StoreValue(page, key_index, key[i]);
      StoreValue(page, first_value + i, value[i]);
    } else {
      StoreValue(page, key_index, RoundToHalf(key[i], dtype));
      StoreValue(page, first_value + i, RoundToHalf(value[i], dtype));
    }
  }
}

void AttendBlock(std::span<const BlockQuery> queries,
                 const std::array<const std::byte*, kAttentionBlockPages>& pages, int64_t head_dim,
                 DType dtype, float scale) {
  TRINITY_CHECK(IsCacheDType(dtype));
  TRINITY_CHECK(head_dim >= 2 && head_dim % 2 == 0);
  const KvBlock block = {pages, head_dim, dtype, scale};
  HWY_DYNAMIC_DISPATCH(AttendOnTarget)(queries, block);
}

void MergePartial(const AttentionPartial& next, int64_t head_dim, AttentionPartial& total) {
  constexpr float kEmpty = -std::numeric_limits<float>::infinity();
  if (next.max == kEmpty) return;
  if (total.max == kEmpty) {
    total.max = next.max;
    total.sum = next.sum;
    std::copy_n(next.values, head_dim, total.values);
    return;
  }
  HWY_DYNAMIC_DISPATCH(MergeOnTarget)(next, head_dim, total);
}

void FinishAttention(const AttentionPartial& total, int64_t head_dim, float* out) {
  HWY_DYNAMIC_DISPATCH(FinishOnTarget)(total, head_dim, out);
}

}  // namespace trinity
#endif  // HWY_ONCE

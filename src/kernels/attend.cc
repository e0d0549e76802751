#include "kernels/attend.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "kernels/bf16_tiles.h"
#include "kernels/enabled_targets.h"
#include "kernels/kv_place.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attend.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/attend_tiles.h"
#include "kernels/exponential.h"
#include "kernels/kv_unpack.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void AttendOnTarget(std::span<const BlockQuery> queries, const KvBlock& block, float scale,
                    AttentionPrecision precision) {
  WithKvFormat(block.dtype, [&](auto format) {
    using Format = decltype(format);
    if (precision == AttentionPrecision::kFloat32) {
      AttendQueries<Format>(queries, block, scale);
    } else {
      const FlushSubnormals flush;
      AttendQueries<InBF16<Format>>(queries, block, scale);
    }
  });
}

void StoreOnTarget(const float* key, const float* value, int64_t head_dim, const KvPlace& place) {
  WithKvFormat(place.dtype, [&](auto format) {
    using Format = decltype(format);
    Format::StoreKey(key, head_dim, place.key_token, place.keys);
    Format::StoreValue(value, head_dim, place.value_token, place.values);
  });
}

HWY_INLINE void MergeSeen(const AttentionPartial& next, int64_t head_dim, AttentionPartial& total) {
  const float max = std::max(total.max, next.max);
  // One of them is exp(0) = 1.
  const float total_factor = total.max == max ? 1.0F : ExpOf(total.max - max);
  const float next_factor = next.max == max ? 1.0F : ExpOf(next.max - max);
  const auto merge = [=](auto d, const float* from, float* to) HWY_ATTR {
    const auto scaled = hn::Mul(hn::LoadU(d, to), hn::Set(d, total_factor));
    hn::StoreU(hn::MulAdd(hn::LoadU(d, from), hn::Set(d, next_factor), scaled), d, to);
  };
  int64_t i = 0;
  for (; i + kLanes <= head_dim; i += kLanes) {
    merge(FloatTag(), next.values + i, total.values + i);
  }
  for (; i < head_dim; ++i) merge(OneTag(), next.values + i, total.values + i);
  merge(OneTag(), &next.sum, &total.sum);
  total.max = max;
}

void MergeOnTarget(std::span<const AttentionPartial> all_next, int64_t head_dim,
                   std::span<AttentionPartial> totals) {
  constexpr float kEmpty = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < totals.size(); ++i) {
    const AttentionPartial& next = all_next[i];
    AttentionPartial& total = totals[i];
    if (next.max == kEmpty) continue;
    if (total.max == kEmpty) {
      total.max = next.max;
      total.sum = next.sum;
      std::copy_n(next.values, head_dim, total.values);
    } else {
      MergeSeen(next, head_dim, total);
    }
  }
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
HWY_EXPORT(StoreOnTarget);

}  // namespace

bool IsKvDType(DType dtype, int64_t head_dim) {
  const bool is_kind = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
                       dtype == DType::kQ8_0;
  return is_kind && head_dim % InfoOf(dtype).block_values == 0;
}

int64_t KvPageBytes(DType dtype, int64_t head_dim) {
  return 2 * BytesOf(dtype, kKvPageTokens * head_dim);
}

void StoreKeyValue(const float* key, const float* value, int64_t head_dim, DType dtype,
                   int64_t slot, std::byte* page) {
  TRINITY_CHECK(IsKvDType(dtype, head_dim));
  TRINITY_CHECK(slot >= 0 && slot < kKvPageTokens);
  std::byte* keys = page + slot / kKvChunkTokens * BytesOf(dtype, kKvChunkTokens * head_dim);
  std::byte* values = page + BytesOf(dtype, kKvPageTokens * head_dim);
  const KvPlace place = {dtype, keys, slot % kKvChunkTokens, values, slot};
  HWY_DYNAMIC_DISPATCH(StoreOnTarget)(key, value, head_dim, place);
}

bool GainsByBF16Attention() { return HasBF16Tiles(); }

void AttendBlock(std::span<const BlockQuery> queries, const KvBlock& block, float scale,
                 AttentionPrecision precision) {
  TRINITY_CHECK(IsKvDType(block.dtype, block.head_dim));
  TRINITY_CHECK(block.head_dim >= 2 && block.head_dim % 2 == 0);
  HWY_DYNAMIC_DISPATCH(AttendOnTarget)(queries, block, scale, precision);
}

void MergePartials(std::span<const AttentionPartial> next, int64_t head_dim,
                   std::span<AttentionPartial> totals) {
  TRINITY_CHECK(next.size() == totals.size());
  HWY_DYNAMIC_DISPATCH(MergeOnTarget)(next, head_dim, totals);
}

void FinishAttention(const AttentionPartial& total, int64_t head_dim, float* out) {
  HWY_DYNAMIC_DISPATCH(FinishOnTarget)(total, head_dim, out);
}

}  // namespace trinity
#endif  // HWY_ONCE

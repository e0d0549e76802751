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

// Rounds `size` floats to nearest even.
void RoundToBF16(const float* from, int64_t size, uint16_t* to) {
#if HWY_TARGET != HWY_SCALAR
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  const hn::Rebind<uint16_t, FloatTag> d16;
  for (; size >= kLanes; size -= kLanes, from += kLanes, to += kLanes) {
    const auto value = hn::LoadU(d, from);
    const auto bits = hn::BitCast(du, value);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
    const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFFu)));
    const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
    // Not Ne(value, value): it is false for NaN.
    const auto is_nan = hn::RebindMask(du, hn::IsNaN(value));
    const auto upper = hn::ShiftRight<16>(hn::IfThenElse(is_nan, quiet, rounded));
    hn::StoreU(hn::TruncateTo(d16, upper), d16, to);
  }
#endif
  for (int64_t i = 0; i < size; ++i) to[i] = FloatToBFloat16(from[i]);
}

void RoundToF16(const float* from, int64_t size, uint16_t* to) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const FloatTag d;
  const hn::Rebind<hwy::float16_t, FloatTag> df16;
  const hn::Rebind<uint16_t, FloatTag> d16;
  for (; size >= kLanes; size -= kLanes, from += kLanes, to += kLanes) {
    const auto half = hn::DemoteTo(df16, hn::LoadU(d, from));
    hn::StoreU(hn::BitCast(d16, half), d16, to);
  }
#endif
  for (int64_t i = 0; i < size; ++i) to[i] = FloatToFloat16(from[i]);
}

// Values of a key or value that are rounded at a time.
constexpr int64_t kRoundedValues = 64;

// out[i * stride] = from[i] rounded to `dtype`, `size` values.
void StoreRounded(const float* from, int64_t size, DType dtype, int64_t stride, std::byte* out) {
  HWY_ALIGN uint16_t rounded[kRoundedValues];
  for (int64_t first = 0; first < size; first += kRoundedValues) {
    const int64_t part = std::min(kRoundedValues, size - first);
    if (dtype == DType::kF16) {
      RoundToF16(from + first, part, rounded);
    } else {
      RoundToBF16(from + first, part, rounded);
    }
    auto* to = reinterpret_cast<uint16_t*>(out) + first * stride;
    for (int64_t i = 0; i < part; ++i) std::memcpy(to + i * stride, &rounded[i], sizeof(uint16_t));
  }
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
HWY_EXPORT(StoreRounded);

bool IsCacheDType(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
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
  const int64_t key_index = group * head_dim * kKeyGroupTokens + slot % kKeyGroupTokens;
  const int64_t value_index = (kKvPageTokens + slot) * head_dim;
  std::byte* keys = page + BytesOf(dtype, key_index);
  std::byte* values = page + BytesOf(dtype, value_index);
  if (dtype != DType::kF32) {
    HWY_DYNAMIC_DISPATCH(StoreRounded)(key, head_dim, dtype, kKeyGroupTokens, keys);
    HWY_DYNAMIC_DISPATCH(StoreRounded)(value, head_dim, dtype, 1, values);
    return;
  }
  for (int64_t i = 0; i < head_dim; ++i) {
    std::memcpy(keys, &key[i], sizeof(float));
    keys += kKeyGroupTokens * static_cast<int64_t>(sizeof(float));
  }
  std::memcpy(values, value, static_cast<size_t>(head_dim) * sizeof(float));
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

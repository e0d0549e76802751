#include "kernels/activation_form.h"

#include <cstring>

#include "base/check.h"
#include "kernels/block_layout.h"
#include "kernels/cpu_level.h"
#include "kernels/enabled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation_form.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes, so that a block is a whole number of vectors.
using FloatTag = hn::CappedTag<float, 16>;

// The largest |x| of a block. Compared as bits, by which NaN is the largest.
float LargestMagnitude(const float* x) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  auto largest = hn::Zero(di);
  for (int64_t i = 0; i < kBlockCols; i += static_cast<int64_t>(hn::Lanes(d))) {
    largest = hn::Max(largest, hn::BitCast(di, hn::Abs(hn::LoadU(d, x + i))));
  }
  return hn::GetLane(hn::BitCast(d, hn::MaxOfLanes(di, largest)));
}

void QuantizeColumns(const float* row, int64_t cols, ColumnRange columns, std::byte* out) {
  const FloatTag d;
  const hn::RebindToSigned<FloatTag> di;
  const hn::Rebind<int8_t, FloatTag> d8;
  constexpr int64_t kHalf = 16;
  constexpr float kTooSmall = 0x1p-100F;  // its inverse would be infinite, its products are nothing
  auto* codes = reinterpret_cast<int8_t*>(out);
  auto* scales = reinterpret_cast<float*>(out + cols);
  auto* sums = reinterpret_cast<int32_t*>(out + cols + cols / 8);
  for (int64_t first = columns.first; first < columns.first + columns.count; first += kBlockCols) {
    const float largest = LargestMagnitude(row + first);
    scales[first / kBlockCols] = largest / 127.0F;
    const auto inverse = hn::Set(d, largest > kTooSmall ? 127.0F / largest : 0.0F);
    for (int64_t half = first; half < first + kBlockCols; half += kHalf) {
      auto sum = hn::Zero(di);
      for (int64_t i = half; i < half + kHalf; i += static_cast<int64_t>(hn::Lanes(d))) {
        const auto code = hn::NearestInt(hn::Mul(hn::LoadU(d, row + i), inverse));
        hn::StoreU(hn::DemoteTo(d8, code), d8, codes + i);
        sum = hn::Add(sum, code);
      }
      sums[half / kHalf] = hn::GetLane(hn::SumOfLanes(di, sum));
    }
  }
}

// To nearest even; NaN stays NaN. A loop that compilers make vectors of.
void RoundColumns(const float* HWY_RESTRICT from, int64_t count, uint16_t* HWY_RESTRICT to) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, from + i, sizeof bits);
    const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    const uint32_t nan = bits >> 16 | 0x40;
    to[i] = static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(QuantizeColumns);
HWY_EXPORT(RoundColumns);

}  // namespace

ActivationForm FormFor(ComputeMode mode, DType matrix_dtype) {
  const bool is_auto = mode == ComputeMode::kAuto;
  if (IsBlockFormat(matrix_dtype) && (is_auto || mode == ComputeMode::kInt8)) {
    return ActivationForm::kInt8;
  }
  const bool gains = ActiveCpuLevel().has_bf16;
  if (matrix_dtype == DType::kBF16 && ((is_auto && gains) || mode == ComputeMode::kBF16)) {
    return ActivationForm::kBFloat16;
  }
  return ActivationForm::kFloat32;
}

int64_t PreparedRowBytes(ActivationForm form, int64_t cols) {
  constexpr int64_t kAlignment = 64;
  int64_t bytes = cols * 4;
  if (form == ActivationForm::kInt8) bytes = cols + cols / 8 + cols / 4;
  if (form == ActivationForm::kBFloat16) bytes = cols * 2;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

void PrepareRow(ActivationForm form, const float* row, int64_t cols, std::byte* out) {
  PrepareRowColumns(form, row, cols, {0, cols}, out);
}

void PrepareRowColumns(ActivationForm form, const float* row, int64_t cols, ColumnRange columns,
                       std::byte* out) {
  TRINITY_CHECK(columns.first % kBlockCols == 0);
  TRINITY_CHECK(columns.count % kBlockCols == 0 || columns.first + columns.count == cols);
  if (form == ActivationForm::kFloat32) {
    constexpr auto kSize = static_cast<int64_t>(sizeof(float));
    std::memcpy(out + columns.first * kSize, row + columns.first,
                static_cast<size_t>(columns.count * kSize));
    return;
  }
  if (form == ActivationForm::kBFloat16) {
    HWY_DYNAMIC_DISPATCH(RoundColumns)
    (row + columns.first, columns.count, reinterpret_cast<uint16_t*>(out) + columns.first);
    return;
  }
  TRINITY_CHECK(cols % kBlockCols == 0);
  HWY_DYNAMIC_DISPATCH(QuantizeColumns)(row, cols, columns, out);
}

}  // namespace trinity
#endif  // HWY_ONCE

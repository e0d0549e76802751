// Blocks of a panel of a block format as 8-bit codes and float32 scales, or as float32 values.
// Included once per SIMD target.

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/block_layout.h"
#include "kernels/expanded_blocks.h"
#include "kernels/widen.h"
#include "quant/iq4_blocks.h"
#include "quant/mxfp4_blocks.h"

#if defined(TRINITY_KERNELS_EXPAND_BLOCKS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_EXPAND_BLOCKS_H_
#undef TRINITY_KERNELS_EXPAND_BLOCKS_H_
#else
#define TRINITY_KERNELS_EXPAND_BLOCKS_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// x shifted by kShift bits to the left, or to the right where that is negative, within bytes.
template <int kShift, class V>
HWY_INLINE V ShiftBytes(V x) {
  if constexpr (kShift > 0) return hn::ShiftLeft<kShift>(x);
  if constexpr (kShift < 0) return hn::ShiftRight<-kShift>(x);
  return x;
}

template <int kBits, class D>
HWY_INLINE hn::Vec<D> MaskBytes(D d, hn::Vec<D> x) {
  return hn::And(x, hn::Set(d, static_cast<uint8_t>(kBits)));
}

// The stored codes of group kGroup (four columns) of some rows of a block. `planes` points to the
// first plane, at these rows.
template <DType kDType, int kGroup, class D>
HWY_INLINE hn::Vec<D> StoredCodesOf(D d, const uint8_t* planes) {
  constexpr CodeForm kForm = LayoutOf(kDType).codes;
  const auto plane = [=](int index) HWY_ATTR { return hn::LoadU(d, planes + index * kPlaneBytes); };
  if constexpr (kForm == CodeForm::kEightBits) {
    return plane(kGroup);
  } else if constexpr (kForm == CodeForm::kTwoBits || kForm == CodeForm::kThreeBits) {
    const auto low = MaskBytes<3>(d, ShiftBytes<-2 * (kGroup % 4)>(plane(kGroup / 4)));
    if constexpr (kForm == CodeForm::kTwoBits) return low;
    return hn::Or(low, MaskBytes<4>(d, ShiftBytes<2 - kGroup>(plane(2))));
  } else {
    const auto low = MaskBytes<15>(d, ShiftBytes<kGroup / 4 * -4>(plane(kGroup % 4)));
    if constexpr (kForm == CodeForm::kFourBits) return low;
    if constexpr (kForm == CodeForm::kFiveBits) {
      return hn::Or(low, MaskBytes<16>(d, ShiftBytes<4 - kGroup>(plane(4))));
    } else {
      constexpr int kShift = 4 - 2 * (kGroup % 4);
      return hn::Or(low, MaskBytes<48>(d, ShiftBytes<kShift>(plane(4 + kGroup / 4))));
    }
  }
}

// What stored codes stand for.
template <DType kDType, class D>
HWY_INLINE hn::Vec<D> LevelsOf(D d, hn::Vec<D> codes) {
  constexpr CodeLevels kLevels = LayoutOf(kDType).levels;
  if constexpr (kLevels == CodeLevels::kIntegers) {
    return codes;
  } else {
    const auto& levels = kLevels == CodeLevels::kIq4 ? kIq4Levels : kE2M1Doubled;
    const auto* table = reinterpret_cast<const uint8_t*>(levels.data());
#if HWY_TARGET == HWY_SCALAR
    return hn::Set(d, table[hn::GetLane(codes)]);
#else
    return hn::TableLookupBytes(hn::LoadDup128(d, table), codes);
#endif
  }
}

// Groups [kGroup, 8) of a block as [groups][32 rows][4 columns] bytes, each plus `bias`.
template <DType kDType, int kGroup = 0>
HWY_INLINE void ExpandCodes(const uint8_t* block, int bias, uint8_t* out) {
  const hn::ScalableTag<uint8_t> d;
  const auto shift = hn::Set(d, static_cast<uint8_t>(bias - LayoutOf(kDType).offset));
  for (int64_t i = 0; i < kPlaneBytes; i += static_cast<int64_t>(hn::Lanes(d))) {
    const auto codes = LevelsOf<kDType>(d, StoredCodesOf<kDType, kGroup>(d, block + i));
    hn::StoreU(hn::Add(codes, shift), d, out + kGroup * kPlaneBytes + i);
  }
  if constexpr (kGroup + 1 < 8) ExpandCodes<kDType, kGroup + 1>(block, bias, out);
}

// The scales of a block as [num_scales][32 rows], and the minimums where the format has them.
template <DType kDType>
void ExpandScales(const std::byte* header, const std::byte* block, float* scales, float* minimums) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  constexpr ScaleForm kForm = kLayout.scales;
  const hn::ScalableTag<float> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const hn::Rebind<uint32_t, decltype(d)> du;
  const hn::Rebind<int8_t, decltype(d)> d8;
  const hn::Rebind<uint8_t, decltype(d)> du8;
  const auto* bytes = reinterpret_cast<const uint8_t*>(block) + kLayout.code_bytes();
  const auto* header_halves = reinterpret_cast<const uint16_t*>(header);
  for (int64_t row = 0; row < kPanelRows; row += static_cast<int64_t>(hn::Lanes(d))) {
    if constexpr (kForm == ScaleForm::kScale || kForm == ScaleForm::kScaleMinimum) {
      const auto* halves = reinterpret_cast<const uint16_t*>(bytes);
      hn::StoreU(F16Format::Load(d, halves + row), d, scales + row);
      if constexpr (kForm == ScaleForm::kScaleMinimum) {
        hn::StoreU(F16Format::Load(d, halves + kPanelRows + row), d, minimums + row);
      }
    } else if constexpr (kForm == ScaleForm::kExponent) {
      // 2^(e - 128): below 2^-126 the exponent field is 0.
      const auto e = hn::PromoteTo(du, hn::LoadU(du8, bytes + row));
      const auto normal = hn::ShiftLeft<23>(hn::Sub(e, hn::Set(du, 1)));
      const auto tiny = hn::Set(du, 0x00200000u);
      const auto subnormal = hn::Add(tiny, hn::IfThenElseZero(hn::Eq(e, hn::Set(du, 1)), tiny));
      const auto bits = hn::IfThenElse(hn::Lt(hn::BitCast(di, e), hn::Set(di, 2)),
                                       hn::BitCast(di, subnormal), hn::BitCast(di, normal));
      hn::StoreU(hn::BitCast(d, bits), d, scales + row);
    } else {
      const auto group_scale = F16Format::Load(d, header_halves + row);
      for (int64_t i = 0; i < kLayout.num_scales(); ++i) {
        const uint8_t* from = bytes + i * kPanelRows + row;
        float* to = scales + i * kPanelRows + row;
        if constexpr (!kLayout.has_minimums()) {
          const auto s = hn::LoadU(d8, reinterpret_cast<const int8_t*>(from));
          hn::StoreU(hn::Mul(group_scale, hn::ConvertTo(d, hn::PromoteTo(di, s))), d, to);
          continue;
        }
        const auto group_minimum = F16Format::Load(d, header_halves + kPanelRows + row);
        auto s = hn::PromoteTo(di, hn::LoadU(du8, from));
        auto t = s;
        if constexpr (kForm == ScaleForm::kTwoShifted) {
          t = hn::ShiftRight<4>(s);
          s = hn::And(s, hn::Set(di, 15));
        } else {
          t = hn::PromoteTo(di, hn::LoadU(du8, from + kPanelRows));
        }
        hn::StoreU(hn::Mul(group_scale, hn::ConvertTo(d, s)), d, to);
        hn::StoreU(hn::Neg(hn::Mul(group_minimum, hn::ConvertTo(d, t))), d,
                   minimums + i * kPanelRows + row);
      }
    }
  }
}

// Blocks [first, first + out.num_blocks) of a panel.
template <DType kDType>
void ExpandBlocks(const PackedMatrix& matrix, int64_t panel_index, int64_t first, int bias,
                  const ExpandedBlocks& out) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  const std::byte* panel = matrix.Panel(panel_index);
  const int64_t skipped = matrix.skipped_blocks;
  for (int64_t i = 0; i < out.num_blocks; ++i) {
    const std::byte* block = panel + kLayout.BlockOffset(first + i, skipped);
    ExpandCodes<kDType>(reinterpret_cast<const uint8_t*>(block), bias,
                        out.codes + i * kBlockCols * kPanelRows);
    const int64_t place = i * kLayout.num_scales() * kPanelRows;
    ExpandScales<kDType>(panel + kLayout.HeaderOffset(first + i, skipped), block,
                         out.scales + place, out.minimums + place);
  }
}

inline void ExpandBlocksOf(const PackedMatrix& matrix, int64_t panel, int64_t first, int bias,
                           const ExpandedBlocks& out) {
  switch (matrix.dtype) {
    case DType::kQ4_0:
      return ExpandBlocks<DType::kQ4_0>(matrix, panel, first, bias, out);
    case DType::kQ4_1:
      return ExpandBlocks<DType::kQ4_1>(matrix, panel, first, bias, out);
    case DType::kQ5_0:
      return ExpandBlocks<DType::kQ5_0>(matrix, panel, first, bias, out);
    case DType::kQ5_1:
      return ExpandBlocks<DType::kQ5_1>(matrix, panel, first, bias, out);
    case DType::kQ2_K:
      return ExpandBlocks<DType::kQ2_K>(matrix, panel, first, bias, out);
    case DType::kQ3_K:
      return ExpandBlocks<DType::kQ3_K>(matrix, panel, first, bias, out);
    case DType::kQ4_K:
      return ExpandBlocks<DType::kQ4_K>(matrix, panel, first, bias, out);
    case DType::kQ5_K:
      return ExpandBlocks<DType::kQ5_K>(matrix, panel, first, bias, out);
    case DType::kQ6_K:
      return ExpandBlocks<DType::kQ6_K>(matrix, panel, first, bias, out);
    case DType::kIQ4_NL:
      return ExpandBlocks<DType::kIQ4_NL>(matrix, panel, first, bias, out);
    case DType::kIQ4_XS:
      return ExpandBlocks<DType::kIQ4_XS>(matrix, panel, first, bias, out);
    case DType::kMXFP4:
      return ExpandBlocks<DType::kMXFP4>(matrix, panel, first, bias, out);
    default:
      return ExpandBlocks<DType::kQ8_0>(matrix, panel, first, bias, out);
  }
}

// The values of expanded blocks with bias 0 as float32 [columns][32 rows], rounded as DequantizeRow
// rounds them: scale * code is exact in all formats, the minimum is added with one rounding.
inline void DequantizeExpanded(const ExpandedBlocks& blocks, float* out) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const int64_t groups_per_scale = 8 / blocks.num_scales;
  for (int64_t i = 0; i < blocks.num_blocks * 8; ++i, out += 4 * kPanelRows) {
    const auto* codes = reinterpret_cast<const int32_t*>(blocks.codes + i * kPlaneBytes);
    const int64_t scale_row = i / groups_per_scale * kPanelRows;
    for (int64_t row = 0; row < kPanelRows; row += static_cast<int64_t>(hn::Lanes(d))) {
      const auto four = hn::LoadU(di, codes + row);
      const auto scale = hn::LoadU(d, blocks.scales + scale_row + row);
      const auto minimum =
          blocks.has_minimums ? hn::LoadU(d, blocks.minimums + scale_row + row) : hn::Zero(d);
      const auto store = [=](auto code, float* to) HWY_ATTR {
        const auto value = hn::Mul(scale, hn::ConvertTo(d, hn::ShiftRight<24>(code)));
        hn::StoreU(blocks.has_minimums ? hn::Add(value, minimum) : value, d, to);
      };
      store(hn::ShiftLeft<24>(four), out + row);
      store(hn::ShiftLeft<16>(four), out + kPanelRows + row);
      store(hn::ShiftLeft<8>(four), out + 2 * kPanelRows + row);
      store(four, out + 3 * kPanelRows + row);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

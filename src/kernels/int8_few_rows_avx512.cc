#include "kernels/int8_few_rows.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 finds its own _mm512_undefined_ps() uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"
#include "kernels/activation_form.h"
#include "kernels/avx512_dot.h"
#include "kernels/block_layout.h"
#include "quant/iq4_blocks.h"
#include "quant/mxfp4_blocks.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi,bmi2")

namespace trinity {
namespace {

// Bytes ahead of their use that weights are fetched, into the second-level cache: it has more lines
// on their way at a time than the first.
constexpr int64_t kPrefetchBytes = 4096;

// What is taken off the unsigned codes of a format to make them what they stand for.
template <DType kDType>
constexpr int OffsetOf() {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  if (kLayout.levels == CodeLevels::kE2M1Doubled) return 12;
  if (kLayout.levels == CodeLevels::kIq4 || kLayout.codes == CodeForm::kEightBits) return 128;
  return kLayout.offset;
}

inline __m512i LoadCodes(const std::byte* codes) { return _mm512_loadu_si512(codes); }

inline __m512i LowNibbles(__m512i x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }

// x shifted by kShift bits to the left, or to the right where that is negative; bits cross bytes.
template <int kShift>
inline __m512i Shift(__m512i x) {
  if constexpr (kShift > 0) return _mm512_slli_epi16(x, kShift);
  if constexpr (kShift < 0) return _mm512_srli_epi16(x, -kShift);
  return x;
}

// low | (high & mask)
inline __m512i OrMasked(__m512i low, __m512i high, int mask) {
  constexpr int kOrAnd = 0xF8;
  return _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi8(static_cast<char>(mask)), kOrAnd);
}

// A table of 16 levels plus `offset` as unsigned bytes.
inline __m512i LevelTable(const int8_t* levels, int offset) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(levels));
  return _mm512_broadcast_i32x4(_mm_add_epi8(table, _mm_set1_epi8(static_cast<char>(offset))));
}

// The unsigned codes of group kGroup (four columns) of 16 rows of a block. `planes` points to the
// first plane, at these rows.
template <DType kDType, int kGroup>
inline __m512i CodesOfGroup(const std::byte* planes) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  const auto plane = [planes](int index) { return LoadCodes(planes + index * kPlaneBytes); };
  if constexpr (kLayout.codes == CodeForm::kEightBits) {
    return _mm512_xor_si512(plane(kGroup), _mm512_set1_epi8(-128));
  } else if constexpr (kLayout.codes == CodeForm::kTwoBits ||
                       kLayout.codes == CodeForm::kThreeBits) {
    constexpr int kPair = 2 * (kGroup % 4);
    const __m512i low = _mm512_and_si512(Shift<-kPair>(plane(kGroup / 4)), _mm512_set1_epi8(3));
    if constexpr (kLayout.codes == CodeForm::kTwoBits) return low;
    return OrMasked(low, Shift<2 - kGroup>(plane(2)), 4);
  } else {
    const __m512i nibbles = LowNibbles(Shift<kGroup / 4 * -4>(plane(kGroup % 4)));
    if constexpr (kLayout.levels == CodeLevels::kIq4) {
      return _mm512_shuffle_epi8(LevelTable(kIq4Levels.data(), OffsetOf<kDType>()), nibbles);
    } else if constexpr (kLayout.levels == CodeLevels::kE2M1Doubled) {
      return _mm512_shuffle_epi8(LevelTable(kE2M1Doubled.data(), OffsetOf<kDType>()), nibbles);
    } else if constexpr (kLayout.codes == CodeForm::kFiveBits) {
      return OrMasked(nibbles, Shift<4 - kGroup>(plane(4)), 16);
    } else if constexpr (kLayout.codes == CodeForm::kSixBits) {
      return OrMasked(nibbles, Shift<4 - 2 * (kGroup % 4)>(plane(4 + kGroup / 4)), 48);
    } else {
      return nibbles;
    }
  }
}

// Sixteen rows' scale and minimum for 32 or 16 columns.
struct Scales {
  __m512 scale;
  __m512 minimum;
};

inline __m512 LoadHalves(const std::byte* halves) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
}

inline __m128i LoadBytes(const std::byte* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Run kRun of a block; `header` and `scales` point to the rows' first.
template <DType kDType, int kRun>
inline Scales ScalesOf(const std::byte* header, const std::byte* scales) {
  constexpr ScaleForm kForm = LayoutOf(kDType).scales;
  const auto unsigned_at = [scales](int index) {
    return _mm512_cvtepu8_epi32(LoadBytes(scales + index * kPanelRows));
  };
  if constexpr (kForm == ScaleForm::kScale) {
    return {LoadHalves(scales), _mm512_setzero_ps()};
  } else if constexpr (kForm == ScaleForm::kScaleMinimum) {
    return {LoadHalves(scales), LoadHalves(scales + kPanelRows * 2)};
  } else if constexpr (kForm == ScaleForm::kExponent) {
    // 2^(e - 128): below 2^-126 the exponent field is 0.
    const __m512i e = unsigned_at(0);
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    const __m512i tiny = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
    const __mmask16 is_tiny = _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2));
    return {_mm512_castsi512_ps(_mm512_mask_blend_epi32(is_tiny, normal, tiny)),
            _mm512_setzero_ps()};
  } else if constexpr (kForm == ScaleForm::kOneSigned || kForm == ScaleForm::kTwoSigned) {
    const __m512i s = _mm512_cvtepi8_epi32(LoadBytes(scales + kRun * kPanelRows));
    return {_mm512_mul_ps(LoadHalves(header), _mm512_cvtepi32_ps(s)), _mm512_setzero_ps()};
  } else {
    __m512i s = unsigned_at(kForm == ScaleForm::kTwoShifted ? kRun : 0);
    __m512i t = s;
    if constexpr (kForm == ScaleForm::kTwoShifted) {
      t = _mm512_srli_epi32(s, 4);
      s = _mm512_and_si512(s, _mm512_set1_epi32(15));
    } else {
      t = unsigned_at(1);
    }
    const __m512 minimum =
        _mm512_mul_ps(LoadHalves(header + kPanelRows * 2), _mm512_cvtepi32_ps(t));
    return {_mm512_mul_ps(LoadHalves(header), _mm512_cvtepi32_ps(s)),
            _mm512_xor_ps(minimum, _mm512_set1_ps(-0.0F))};
  }
}

// The rows of activations of a pass.
template <int kRows>
struct Rows {
  const int8_t* codes[kRows];
  const float* scales[kRows];
  const int32_t* sums[kRows];
};

inline __m512i BroadcastFour(const int8_t* codes) {
  int32_t four;
  std::memcpy(&four, codes, sizeof four);
  return _mm512_set1_epi32(four);
}

// Adds groups [kGroup, kEnd) of 16 rows of a block to dot products. Never a call: the sums would go
// through memory.
template <DType kDType, int kRows, int kGroup, int kEnd>
__attribute__((always_inline)) inline void AddDots(const std::byte* planes, const Rows<kRows>& x,
                                                   int64_t block, __m512i (&dots)[kRows]) {
  const __m512i codes = CodesOfGroup<kDType, kGroup>(planes);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const int8_t* four = x.codes[r] + block * kBlockCols + kGroup * 4;
    AddDotProducts(dots[r], codes, BroadcastFour(four));
  }
  if constexpr (kGroup + 1 < kEnd) {
    AddDots<kDType, kRows, kGroup + 1, kEnd>(planes, x, block, dots);
  }
}

// Adds run kRun (the columns of one scale) of a block to the sums of 16 rows.
template <DType kDType, int kRows, int kRun>
__attribute__((always_inline)) inline void AddRun(const std::byte* header, const std::byte* planes,
                                                  const std::byte* scales_at, const Rows<kRows>& x,
                                                  int64_t block, __m512 (&acc)[kRows]) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  constexpr int kGroups = static_cast<int>(8 / kLayout.num_scales());
  constexpr int kOffset = OffsetOf<kDType>();
  __m512i dots[kRows];
  int32_t sums[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const int32_t* parts = x.sums[r] + 2 * block;
    sums[r] = kLayout.num_scales() == 1 ? parts[0] + parts[1] : parts[kRun];
    dots[r] = kOffset == 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(-kOffset * sums[r]);
  }
  AddDots<kDType, kRows, kRun * kGroups, (kRun + 1) * kGroups>(planes, x, block, dots);
  const Scales scales = ScalesOf<kDType, kRun>(header, scales_at);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const float x_scale = x.scales[r][block];
    acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r]),
                             _mm512_mul_ps(scales.scale, _mm512_set1_ps(x_scale)), acc[r]);
    if constexpr (kLayout.has_minimums()) {
      const float sum = x_scale * static_cast<float>(sums[r]);
      acc[r] = _mm512_fmadd_ps(scales.minimum, _mm512_set1_ps(sum), acc[r]);
    }
  }
}

// One panel: accumulators [kRows][32]. Nothing is fetched from beyond `last_line`.
template <DType kDType, int kRows>
void MultiplyPanel(const std::byte* panel, const std::byte* last_line, int64_t num_blocks,
                   const Rows<kRows>& x, float* accumulators) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  constexpr int64_t kHalfPlane = kPlaneBytes / 2;
  constexpr int64_t kScaleStep =
      kLayout.scales == ScaleForm::kScale || kLayout.scales == ScaleForm::kScaleMinimum ? 32 : 16;
  __m512 acc[2][kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) acc[0][r] = acc[1][r] = _mm512_setzero_ps();
  for (int64_t b = 0; b < num_blocks; ++b) {
    const std::byte* header = panel + kLayout.HeaderOffset(b);
    const std::byte* block = panel + kLayout.BlockOffset(b);
    for (int64_t line = 0; line < kLayout.block_bytes(); line += 64) {
      const std::byte* ahead = std::min(block + kPrefetchBytes + line, last_line);
      _mm_prefetch(reinterpret_cast<const char*>(ahead), _MM_HINT_T1);
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const std::byte* planes = block + half * kHalfPlane;
      const std::byte* scales = block + kLayout.code_bytes() + half * kScaleStep;
      const std::byte* headers = header + half * 32;
      AddRun<kDType, kRows, 0>(headers, planes, scales, x, b, acc[half]);
      if constexpr (kLayout.num_scales() == 2) {
        AddRun<kDType, kRows, 1>(headers, planes, scales, x, b, acc[half]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(accumulators + r * kPanelRows, acc[0][r]);
    _mm512_storeu_ps(accumulators + r * kPanelRows + 16, acc[1][r]);
  }
}

template <DType kDType, int kRows>
void MultiplyRows(const MatMulCall& call, int64_t panel, int64_t first_row) {
  const int64_t cols = call.matrix.cols;
  Rows<kRows> x;
  for (int r = 0; r < kRows; ++r) {
    const Int8Row row(call.inputs[static_cast<size_t>(first_row + r)], cols);
    x.codes[r] = row.codes;
    x.scales[r] = row.scales;
    x.sums[r] = row.sums;
  }
  alignas(64) float accumulators[kRows * kPanelRows];
  MultiplyPanel<kDType, kRows>(call.matrix.Panel(panel), call.matrix.Panel(call.end_panel()) - 64,
                               cols / kBlockCols, x, accumulators);
  const int64_t size = std::min(kPanelRows, call.matrix.rows - panel * kPanelRows);
  for (int r = 0; r < kRows; ++r) {
    WritePanelSums(accumulators + r * kPanelRows, size, call.output,
                   call.outputs[static_cast<size_t>(first_row + r)] + panel * kPanelRows);
  }
}

template <DType kDType>
void MultiplyPanels(const MatMulCall& call) {
  for (int64_t panel = call.first_panel; panel < call.end_panel(); ++panel) {
    for (int64_t row = 0; row < call.num_rows(); row += kFewRows) {
      switch (std::min(kFewRows, call.num_rows() - row)) {
        case 1:
          MultiplyRows<kDType, 1>(call, panel, row);
          break;
        case 2:
          MultiplyRows<kDType, 2>(call, panel, row);
          break;
        case 3:
          MultiplyRows<kDType, 3>(call, panel, row);
          break;
        default:
          MultiplyRows<kDType, 4>(call, panel, row);
      }
    }
  }
}

}  // namespace

void Avx512VnniFewRows(const MatMulCall& call) {
  switch (call.matrix.dtype) {
    case DType::kQ4_0:
      return MultiplyPanels<DType::kQ4_0>(call);
    case DType::kQ4_1:
      return MultiplyPanels<DType::kQ4_1>(call);
    case DType::kQ5_0:
      return MultiplyPanels<DType::kQ5_0>(call);
    case DType::kQ5_1:
      return MultiplyPanels<DType::kQ5_1>(call);
    case DType::kQ2_K:
      return MultiplyPanels<DType::kQ2_K>(call);
    case DType::kQ3_K:
      return MultiplyPanels<DType::kQ3_K>(call);
    case DType::kQ4_K:
      return MultiplyPanels<DType::kQ4_K>(call);
    case DType::kQ5_K:
      return MultiplyPanels<DType::kQ5_K>(call);
    case DType::kQ6_K:
      return MultiplyPanels<DType::kQ6_K>(call);
    case DType::kIQ4_NL:
      return MultiplyPanels<DType::kIQ4_NL>(call);
    case DType::kIQ4_XS:
      return MultiplyPanels<DType::kIQ4_XS>(call);
    case DType::kMXFP4:
      return MultiplyPanels<DType::kMXFP4>(call);
    default:
      return MultiplyPanels<DType::kQ8_0>(call);
  }
}

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__

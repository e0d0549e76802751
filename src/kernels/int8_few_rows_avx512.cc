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

#include "base/check.h"
#include "hwy/base.h"
#include "kernels/activation_form.h"
#include "kernels/avx512_dot.h"
#include "kernels/block_layout.h"
#include "quant/iq4_blocks.h"
#include "quant/mxfp4_blocks.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi,bmi2")

namespace trinity {
namespace {

// Weights are fetched far ahead into the second-level cache, since the nearest one has too few
// places for lines on their way to keep the memory busy, and then near ahead into that.
constexpr int64_t kFarBytes = 4096;
constexpr int64_t kNearBytes = 512;

// Rows whose sums and dot products for all outputs of a panel fit the registers.
constexpr int kMostRowsOfBothHalves = 4;

// From 16 rows of a panel to the next 16.
constexpr int64_t kHalfPlaneBytes = kPlaneBytes / 2;
constexpr int64_t kHalfHeaderBytes = 32;
template <DType kDType>
constexpr int64_t kHalfScaleBytes = LayoutOf(kDType).scales == ScaleForm::kScale ||
                                            LayoutOf(kDType).scales == ScaleForm::kScaleMinimum
                                        ? 32
                                        : 16;

// What is taken off the unsigned codes of a format to make them what they stand for.
template <DType kDType>
constexpr int OffsetOf() {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  if (kLayout.levels == CodeLevels::kE2M1Doubled) return 12;
  if (kLayout.levels == CodeLevels::kIq4 || kLayout.codes == CodeForm::kEightBits) return 128;
  return kLayout.offset;
}

HWY_INLINE __m512i LoadCodes(const std::byte* codes) { return _mm512_loadu_si512(codes); }

HWY_INLINE __m512i LowNibbles(__m512i x) { return _mm512_and_si512(x, _mm512_set1_epi8(15)); }

// x shifted by kShift bits to the left, or to the right where that is negative; bits cross bytes.
template <int kShift>
HWY_INLINE __m512i Shift(__m512i x) {
  if constexpr (kShift > 0) return _mm512_slli_epi16(x, kShift);
  if constexpr (kShift < 0) return _mm512_srli_epi16(x, -kShift);
  return x;
}

// low | (high & mask)
HWY_INLINE __m512i OrMasked(__m512i low, __m512i high, int mask) {
  constexpr int kOrAnd = 0xF8;
  return _mm512_ternarylogic_epi32(low, high, _mm512_set1_epi8(static_cast<char>(mask)), kOrAnd);
}

// A table of 16 levels plus `offset` as unsigned bytes.
HWY_INLINE __m512i LevelTable(const int8_t* levels, int offset) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(levels));
  return _mm512_broadcast_i32x4(_mm_add_epi8(table, _mm_set1_epi8(static_cast<char>(offset))));
}

// The unsigned codes of group kGroup (four columns) of 16 rows of a block. `planes` points to the
// first plane, at these rows.
template <DType kDType, int kGroup>
HWY_INLINE __m512i CodesOfGroup(const std::byte* planes) {
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

HWY_INLINE __m512 LoadHalves(const std::byte* halves) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
}

HWY_INLINE __m128i LoadBytes(const std::byte* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Run kRun of a block; `header` and `scales` point to the rows' first.
template <DType kDType, int kRun>
HWY_INLINE Scales ScalesOf(const std::byte* header, const std::byte* scales) {
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

// The rows of activations of a pass. Runs are the columns that share a scale.
template <int kRows>
struct Rows {
  const int8_t* codes[kRows];    // [cols]
  const float* scales[kRows];    // [blocks]
  const int32_t* starts[kRows];  // [runs]: -offset * sum of the codes
  const float* sums[kRows];      // [runs]: scale * sum of the codes
};

HWY_INLINE __m512i BroadcastFour(const int8_t* codes) {
  int32_t four;
  std::memcpy(&four, codes, sizeof four);
  return _mm512_set1_epi32(four);
}

// Adds groups [kGroup, kEnd) of 16 rows, or twice 16, of a block to dot products.
template <DType kDType, int kHalves, int kRows, int kGroup, int kEnd>
HWY_INLINE void AddDots(const std::byte* planes, const Rows<kRows>& x, int64_t block,
                        __m512i (&dots)[kHalves][kRows]) {
  __m512i codes[kHalves];
#pragma GCC unroll 2
  for (int h = 0; h < kHalves; ++h) {
    codes[h] = CodesOfGroup<kDType, kGroup>(planes + h * kHalfPlaneBytes);
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const __m512i four = BroadcastFour(x.codes[r] + block * kBlockCols + kGroup * 4);
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) AddDotProducts(dots[h][r], codes[h], four);
  }
  if constexpr (kGroup + 1 < kEnd) {
    AddDots<kDType, kHalves, kRows, kGroup + 1, kEnd>(planes, x, block, dots);
  }
}

// Where a block, its scales and its header stand, at the first of the rows that are computed.
struct BlockPlace {
  const std::byte* header;
  const std::byte* planes;
  const std::byte* scales;
};

// Adds run kRun of a block to the sums.
template <DType kDType, int kHalves, int kRows, int kRun>
HWY_INLINE void AddRun(const BlockPlace& place, const Rows<kRows>& x, int64_t block,
                       __m512 (&acc)[kHalves][kRows]) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  constexpr int kGroups = static_cast<int>(8 / kLayout.num_scales());
  const int64_t run = block * kLayout.num_scales() + kRun;
  __m512i dots[kHalves][kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const __m512i start =
        OffsetOf<kDType>() == 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(x.starts[r][run]);
#pragma GCC unroll 2
    for (int h = 0; h < kHalves; ++h) dots[h][r] = start;
  }
  AddDots<kDType, kHalves, kRows, kRun * kGroups, (kRun + 1) * kGroups>(place.planes, x, block,
                                                                        dots);
#pragma GCC unroll 2
  for (int h = 0; h < kHalves; ++h) {
    const Scales scales = ScalesOf<kDType, kRun>(place.header + h * kHalfHeaderBytes,
                                                 place.scales + h * kHalfScaleBytes<kDType>);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const __m512 x_scale = _mm512_set1_ps(x.scales[r][block]);
      acc[h][r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[h][r]),
                                  _mm512_mul_ps(scales.scale, x_scale), acc[h][r]);
      if constexpr (kLayout.has_minimums()) {
        acc[h][r] = _mm512_fmadd_ps(scales.minimum, _mm512_set1_ps(x.sums[r][run]), acc[h][r]);
      }
    }
  }
}

struct PanelPlace {
  const std::byte* begin;
  int64_t skipped_blocks;
  const std::byte* last_line;  // nothing is fetched from far beyond it
};

// kHalves halves of a panel, 16 outputs each, from `first_half` on: accumulators [kRows][32].
template <DType kDType, int kHalves, int kRows>
void MultiplyHalves(const PanelPlace& panel, int64_t num_blocks, int first_half,
                    const Rows<kRows>& x, float* accumulators) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  __m512 acc[kHalves][kRows];
#pragma GCC unroll 2
  for (int h = 0; h < kHalves; ++h) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) acc[h][r] = _mm512_setzero_ps();
  }
  for (int64_t b = 0; b < num_blocks; ++b) {
    const std::byte* block = panel.begin + kLayout.BlockOffset(b, panel.skipped_blocks);
    if (first_half == 0) {
      for (int64_t line = 0; line < kLayout.block_bytes(); line += 64) {
        const std::byte* far = std::min(block + kFarBytes + line, panel.last_line);
        _mm_prefetch(reinterpret_cast<const char*>(far), _MM_HINT_T1);
        _mm_prefetch(reinterpret_cast<const char*>(block + kNearBytes + line), _MM_HINT_T0);
      }
    }
    const std::byte* header = panel.begin + kLayout.HeaderOffset(b, panel.skipped_blocks);
    const BlockPlace place = {header + first_half * kHalfHeaderBytes,
                              block + first_half * kHalfPlaneBytes,
                              block + kLayout.code_bytes() + first_half * kHalfScaleBytes<kDType>};
    AddRun<kDType, kHalves, kRows, 0>(place, x, b, acc);
    if constexpr (kLayout.num_scales() == 2) AddRun<kDType, kHalves, kRows, 1>(place, x, b, acc);
  }
#pragma GCC unroll 2
  for (int h = 0; h < kHalves; ++h) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      _mm512_storeu_ps(accumulators + r * kPanelRows + (first_half + h) * 16, acc[h][r]);
    }
  }
}

// Both halves at a time where their sums and dot
// products fit the registers; else the second one finds the panel in the nearest cache.
template <DType kDType, int kRows>
void MultiplyPanel(const PanelPlace& panel, int64_t num_blocks, const Rows<kRows>& x,
                   float* accumulators) {
  if constexpr (kRows <= kMostRowsOfBothHalves) {
    MultiplyHalves<kDType, 2, kRows>(panel, num_blocks, 0, x, accumulators);
  } else {
    MultiplyHalves<kDType, 1, kRows>(panel, num_blocks, 0, x, accumulators);
    MultiplyHalves<kDType, 1, kRows>(panel, num_blocks, 1, x, accumulators);
  }
}

struct StartsScratch {};
struct SumsScratch {};

// What of all rows of a call is not in the prepared rows: [rows][runs].
struct RunSums {
  int32_t* starts;
  float* sums;
};

template <DType kDType>
RunSums SumRuns(const MatMulCall& call) {
  constexpr BlockLayout kLayout = LayoutOf(kDType);
  const int64_t num_blocks = call.matrix.cols / kBlockCols;
  const int64_t num_runs = num_blocks * kLayout.num_scales();
  const RunSums out = {ThreadScratch<int32_t, StartsScratch>(call.num_rows() * num_runs),
                       ThreadScratch<float, SumsScratch>(call.num_rows() * num_runs)};
  TRINITY_CHECK(out.starts != nullptr && out.sums != nullptr);
  for (int64_t row = 0; row < call.num_rows(); ++row) {
    const Int8Row from(call.inputs[static_cast<size_t>(row)], call.matrix.cols);
    int32_t* starts = out.starts + row * num_runs;
    float* sums = out.sums + row * num_runs;
    for (int64_t run = 0; run < num_runs; ++run) {
      const int32_t sum =
          kLayout.num_scales() == 1 ? from.sums[2 * run] + from.sums[2 * run + 1] : from.sums[run];
      starts[run] = -OffsetOf<kDType>() * sum;
      if constexpr (kLayout.has_minimums()) {
        sums[run] = from.scales[run / kLayout.num_scales()] * static_cast<float>(sum);
      }
    }
  }
  return out;
}

template <DType kDType, int kRows>
void MultiplyRows(const MatMulCall& call, const RunSums& sums, int64_t panel, int64_t first_row,
                  int64_t num_rows) {
  if constexpr (kRows > 1) {
    if (num_rows < kRows) {
      return MultiplyRows<kDType, kRows - 1>(call, sums, panel, first_row, num_rows);
    }
  }
  const int64_t cols = call.matrix.cols;
  const int64_t num_runs = cols / kBlockCols * LayoutOf(kDType).num_scales();
  Rows<kRows> x;
  for (int r = 0; r < kRows; ++r) {
    const Int8Row row(call.inputs[static_cast<size_t>(first_row + r)], cols);
    x.codes[r] = row.codes;
    x.scales[r] = row.scales;
    x.starts[r] = sums.starts + (first_row + r) * num_runs;
    x.sums[r] = sums.sums + (first_row + r) * num_runs;
  }
  alignas(64) float accumulators[kRows * kPanelRows];
  MultiplyPanel<kDType, kRows>({call.matrix.Panel(panel), call.matrix.skipped_blocks,
                                call.matrix.Panel(call.end_panel()) - 64},
                               cols / kBlockCols, x, accumulators);
  const int64_t size = std::min(kPanelRows, call.matrix.rows - panel * kPanelRows);
  for (int r = 0; r < kRows; ++r) {
    WritePanelSums(accumulators + r * kPanelRows, size, call.output,
                   call.outputs[static_cast<size_t>(first_row + r)] + panel * kPanelRows);
  }
}

template <DType kDType>
void MultiplyPanels(const MatMulCall& call) {
  const RunSums sums = SumRuns<kDType>(call);
  for (int64_t panel = call.first_panel; panel < call.end_panel(); ++panel) {
    for (int64_t row = 0; row < call.num_rows(); row += kFewRows) {
      MultiplyRows<kDType, kFewRows>(call, sums, panel, row,
                                     std::min<int64_t>(kFewRows, call.num_rows() - row));
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

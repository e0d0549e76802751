#include "kernels/bf16_tiles.h"

#include "base/check.h"
#include "kernels/cpu_level.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 finds its own _mm512_undefined_epi32() uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <algorithm>

#include "hwy/base.h"
#include "kernels/amx_tiles.h"
#include "kernels/attend.h"

HWY_PUSH_ATTRIBUTES(
    "avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,f16c,bmi,bmi2,amx-tile,amx-bf16")

namespace trinity {
namespace {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileCols = 16;

// What is packed and multiplied at a time: terms of a sum, and columns.
constexpr int64_t kStepDepth = 32;
constexpr int64_t kStepCols = 32;

// The cache is read from memory: fetched far ahead into the second-level cache, which has more
// places for lines on their way, and near ahead into the nearest one.
constexpr int64_t kFarBytes = 4096;
constexpr int64_t kNearBytes = 512;

// 16 floats to bfloat16 in the upper halves of lanes. NaN stays NaN.
inline __m512i RoundUpper(__m512 value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  return _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
}

inline void FetchLine(const void* line) {
  const auto* at = static_cast<const char*>(line);
  _mm_prefetch(at + kFarBytes, _MM_HINT_T1);
  _mm_prefetch(at + kNearBytes, _MM_HINT_T0);
}

// Numbers that no float16 or code of 8 bits times one makes subnormal bfloat16, which the
// instruction would make 0; `even` and `odd` side by side.
inline __m512i RoundedPairs(__m512 even, __m512 odd) {
  // 0, 16, 1, 17, ...
  const __m512i ascending = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  const __m512i interleaved = _mm512_or_si512(
      _mm512_or_si512(ascending, _mm512_slli_epi32(ascending, 16)), _mm512_set1_epi32(16 << 16));
  const auto rounded = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
  return _mm512_permutexvar_epi16(interleaved, rounded);
}

// Where the other matrix comes from. Pack writes kStepDepth terms of kStepCols columns as pairs of
// terms, [kStepDepth / 2][kStepCols][2].
struct F32Source {
  const float* factors;
  int64_t stride;

  void Pack(int64_t depth, int64_t col, uint16_t* out) const {
    const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000U));
    const float* even = factors + depth * stride + col;
    for (int64_t k = 0; k < kStepDepth; k += 2, even += 2 * stride) {
#pragma GCC unroll 2
      for (int64_t i = 0; i < kStepCols; i += 16, out += 32) {
        FetchLine(even + i);
        FetchLine(even + stride + i);
        const __m512i low = _mm512_srli_epi32(RoundUpper(_mm512_loadu_ps(even + i)), 16);
        const __m512i high = RoundUpper(_mm512_loadu_ps(even + stride + i));
        // low | (high & upper)
        _mm512_storeu_si512(out, _mm512_ternarylogic_epi32(low, high, upper, 0xF8));
      }
    }
  }
};

struct F16Source {
  const uint16_t* factors;
  int64_t stride;

  static __m512 Load(const uint16_t* halves) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
  }
  void Pack(int64_t depth, int64_t col, uint16_t* out) const {
    const uint16_t* even = factors + depth * stride + col;
    for (int64_t k = 0; k < kStepDepth; k += 2, even += 2 * stride) {
      FetchLine(even);
      FetchLine(even + stride);
#pragma GCC unroll 2
      for (int64_t i = 0; i < kStepCols; i += 16, out += 32) {
        _mm512_storeu_si512(out, RoundedPairs(Load(even + i), Load(even + stride + i)));
      }
    }
  }
};

struct BF16Source {
  const uint16_t* factors;
  int64_t stride;

  void Pack(int64_t depth, int64_t col, uint16_t* out) const {
    // 0, 32, 1, 33, ...: places in the second operand begin at 32.
    const __m512i ascending =
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i first = _mm512_or_si512(
        _mm512_or_si512(ascending, _mm512_slli_epi32(ascending, 16)), _mm512_set1_epi32(32 << 16));
    const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
    const uint16_t* even = factors + depth * stride + col;
    for (int64_t k = 0; k < kStepDepth; k += 2, even += 2 * stride, out += 64) {
      FetchLine(even);
      FetchLine(even + stride);
      const __m512i low = _mm512_loadu_si512(even), high = _mm512_loadu_si512(even + stride);
      _mm512_storeu_si512(out, _mm512_permutex2var_epi16(low, first, high));
      _mm512_storeu_si512(out + 32, _mm512_permutex2var_epi16(low, second, high));
    }
  }
};

struct Q8KeySource {
  const std::byte* keys;

  void Pack(int64_t depth, int64_t /*col*/, uint16_t* out) const {
    constexpr int64_t kScaleBytes = 2 * kKvChunkTokens, kGroupBytes = 4 * kKvChunkTokens;
    const std::byte* block = keys + depth / 32 * (kScaleBytes + 32 * kKvChunkTokens);
    const auto* halves = reinterpret_cast<const uint16_t*>(block);
    const __m512 scales[] = {F16Source::Load(halves), F16Source::Load(halves + 16)};
    for (int64_t k = 0; k < kStepDepth; k += 4, out += 2 * 2 * kStepCols) {
      const std::byte* group = block + kScaleBytes + k / 4 * kGroupBytes;
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        FetchLine(group + 64 * v);
        const __m512i four = _mm512_loadu_si512(group + 64 * v);
        const __m512i shifted[] = {_mm512_slli_epi32(four, 24), _mm512_slli_epi32(four, 16),
                                   _mm512_slli_epi32(four, 8), four};
        __m512 value[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          value[i] =
              _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_srai_epi32(shifted[i], 24)), scales[v]);
        }
        _mm512_storeu_si512(out + 32 * v, RoundedPairs(value[0], value[1]));
        _mm512_storeu_si512(out + 2 * kStepCols + 32 * v, RoundedPairs(value[2], value[3]));
      }
    }
  }
};

struct Q8ValueSource {
  Q8Values values;
  int64_t stride;

  static __m512 Load(const int8_t* codes, float scale) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), _mm512_set1_ps(scale));
  }
  void Pack(int64_t depth, int64_t col, uint16_t* out) const {
    const float* scales = values.scales + col / 32 * kKvPageTokens + depth;
    const int8_t* even = values.codes + depth * stride + col;
    for (int64_t k = 0; k < kStepDepth; k += 2, even += 2 * stride) {
      FetchLine(even);
      FetchLine(even + stride);
#pragma GCC unroll 2
      for (int64_t i = 0; i < kStepCols; i += 16, out += 32) {
        _mm512_storeu_si512(
            out, RoundedPairs(Load(even + i, scales[k]), Load(even + stride + i, scales[k + 1])));
      }
    }
  }
};

// Tile registers: sums 0 to 5 of three times 16 rows and twice 16 columns, rows 6, pairs 7.
//
// Packing a step goes on while the tiles multiply the one before: the memory never waits.
template <int kRowTiles, class Source>
void AddColumns(const TileProduct& p, const Source& source, int64_t col) {
  alignas(64) uint16_t packed[2][kStepDepth * kStepCols];
  const int64_t sum_bytes = p.sum_stride * 4, row_bytes = p.row_stride * 2;
  constexpr int64_t kPairBytes = kStepCols * 4;
  float* sums = p.sums + col;
  const int64_t lower = kTileRows * p.sum_stride;
  _tile_loadd(0, sums, sum_bytes);
  _tile_loadd(1, sums + kTileCols, sum_bytes);
  if constexpr (kRowTiles > 1) {
    _tile_loadd(2, sums + lower, sum_bytes);
    _tile_loadd(3, sums + lower + kTileCols, sum_bytes);
  }
  if constexpr (kRowTiles > 2) {
    _tile_loadd(4, sums + 2 * lower, sum_bytes);
    _tile_loadd(5, sums + 2 * lower + kTileCols, sum_bytes);
  }
  for (int64_t depth = 0; depth < p.depth; depth += kStepDepth) {
    uint16_t* pairs = packed[depth / kStepDepth % 2];
    source.Pack(depth, col, pairs);
    const uint16_t* rows = p.rows + depth;
    const int64_t next = kTileRows * p.row_stride;
    _tile_loadd(6, rows, row_bytes);
    _tile_loadd(7, pairs, kPairBytes);
    _tile_dpbf16ps(0, 6, 7);
    if constexpr (kRowTiles > 1) {
      _tile_loadd(6, rows + next, row_bytes);
      _tile_dpbf16ps(2, 6, 7);
    }
    if constexpr (kRowTiles > 2) {
      _tile_loadd(6, rows + 2 * next, row_bytes);
      _tile_dpbf16ps(4, 6, 7);
    }
    _tile_loadd(7, pairs + 2 * kTileCols, kPairBytes);
    if constexpr (kRowTiles > 2) {
      _tile_dpbf16ps(5, 6, 7);
      _tile_loadd(6, rows + next, row_bytes);
    }
    if constexpr (kRowTiles > 1) {
      _tile_dpbf16ps(3, 6, 7);
      _tile_loadd(6, rows, row_bytes);
    }
    _tile_dpbf16ps(1, 6, 7);
  }
  _tile_stored(0, sums, sum_bytes);
  _tile_stored(1, sums + kTileCols, sum_bytes);
  if constexpr (kRowTiles > 1) {
    _tile_stored(2, sums + lower, sum_bytes);
    _tile_stored(3, sums + lower + kTileCols, sum_bytes);
  }
  if constexpr (kRowTiles > 2) {
    _tile_stored(4, sums + 2 * lower, sum_bytes);
    _tile_stored(5, sums + 2 * lower + kTileCols, sum_bytes);
  }
}

template <class Source>
void AddProduct(const TileProduct& p, const Source& source) {
  TRINITY_CHECK(p.depth % kStepDepth == 0 && p.num_cols % kStepCols == 0);
  TRINITY_CHECK(p.num_rows <= kMostTileRows);
  for (int64_t col = 0; col < p.num_cols; col += kStepCols) {
    if (p.num_rows <= kTileRows) {
      AddColumns<1>(p, source, col);
    } else if (p.num_rows <= 2 * kTileRows) {
      AddColumns<2>(p, source, col);
    } else {
      AddColumns<3>(p, source, col);
    }
  }
}

// GCC does not compile a destructor for the instructions asked for above.
void Release() { _tile_release(); }

}  // namespace

bool HasBF16Tiles() { return ActiveCpuLevel().has_amx_bf16; }

void RoundToBF16Row(const float* from, int64_t size, uint16_t* to) {
  for (int64_t i = 0; i < size; i += 16) {
    const __m512i lanes = _mm512_srli_epi32(RoundUpper(_mm512_loadu_ps(from + i)), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi32_epi16(lanes));
  }
}

TileRegisters::TileRegisters(int64_t num_rows) {
  AmxTileShapes shapes;
  for (int i = 0; i < 8; ++i) {
    shapes.row_bytes[i] = 64;
    shapes.rows[i] = static_cast<uint8_t>(i == 7 ? kStepDepth / 2 : std::min(num_rows, kTileRows));
  }
  ConfigureAmxTiles(shapes);
}

TileRegisters::~TileRegisters() { Release(); }

void AddTileProduct(const TileProduct& product, const float* factors, int64_t stride) {
  AddProduct(product, F32Source{factors, stride});
}

void AddTileProductOfF16(const TileProduct& product, const uint16_t* factors, int64_t stride) {
  AddProduct(product, F16Source{factors, stride});
}

void AddTileProductOfBF16(const TileProduct& product, const uint16_t* factors, int64_t stride) {
  AddProduct(product, BF16Source{factors, stride});
}

void AddTileProductOfQ8Keys(const TileProduct& product, const std::byte* keys) {
  AddProduct(product, Q8KeySource{keys});
}

void AddTileProductOfQ8Values(const TileProduct& product, const Q8Values& values) {
  AddProduct(product, Q8ValueSource{values, product.num_cols});
}

}  // namespace trinity

HWY_POP_ATTRIBUTES

#else

namespace trinity {

bool HasBF16Tiles() { return false; }
void RoundToBF16Row(const float*, int64_t, uint16_t*) { TRINITY_CHECK(false); }
TileRegisters::TileRegisters(int64_t) { TRINITY_CHECK(false); }
TileRegisters::~TileRegisters() {}
void AddTileProduct(const TileProduct&, const float*, int64_t) { TRINITY_CHECK(false); }
void AddTileProductOfF16(const TileProduct&, const uint16_t*, int64_t) { TRINITY_CHECK(false); }
void AddTileProductOfBF16(const TileProduct&, const uint16_t*, int64_t) { TRINITY_CHECK(false); }
void AddTileProductOfQ8Keys(const TileProduct&, const std::byte*) { TRINITY_CHECK(false); }
void AddTileProductOfQ8Values(const TileProduct&, const Q8Values&) { TRINITY_CHECK(false); }

}  // namespace trinity

#endif  // __x86_64__

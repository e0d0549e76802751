#include "kernels/int8_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "hwy/base.h"
#include "kernels/block_layout.h"

// The same kernel twice: with AVX-VNNI's dot products, and with what AVX2 has instead.

namespace trinity {
namespace {

// Rows at a time: with one vector of outputs, sums, dot products and weights fit 16 registers.
constexpr int64_t kTileRows = 4;

constexpr int64_t kVectorRows = 8;

HWY_PUSH_ATTRIBUTES("avx2,fma,bmi,bmi2")

inline __m256i BroadcastFour(const int8_t* codes) {
  int32_t four;
  std::memcpy(&four, codes, sizeof four);
  return _mm256_set1_epi32(four);
}

// Four products of signed bytes a lane, without the saturation of vpmaddubsw: |weight| is at most
// 128 and |x| at most 127, so two products stay below 2^15.
struct Avx2Dots {
  struct Weights {
    __m256i signs;
    __m256i magnitudes;
  };
  static Weights Load(const uint8_t* codes) {
    const __m256i signs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
    return {signs, _mm256_abs_epi8(signs)};
  }
  static __m256i Start(const int32_t*) { return _mm256_setzero_si256(); }
  static void Add(__m256i& sums, const Weights& weights, __m256i x) {
    const __m256i pairs =
        _mm256_maddubs_epi16(weights.magnitudes, _mm256_sign_epi8(x, weights.signs));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

// Weights are unsigned: codes plus 128, which `starts` take off again.
struct AvxVnniDots {
  using Weights = __m256i;
  static Weights Load(const uint8_t* codes) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
  }
  static __m256i Start(const int32_t* start) { return _mm256_set1_epi32(*start); }
  static void Add(__m256i& sums, Weights weights, __m256i x) {
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(weights), "x"(x));
  }
};

// One vector of outputs, from `out` on.
template <typename Dots, int kScales, bool kHasMinimums>
void MultiplyVector(const ExpandedBlocks& weights, const Int8Tile& tile, int64_t out, float* sums) {
  constexpr int kGroups = 8 / kScales;
  __m256 acc[kTileRows];
#pragma GCC unroll 4
  for (int r = 0; r < kTileRows; ++r) acc[r] = _mm256_setzero_ps();
  const uint8_t* codes = weights.codes + out * 4;
  for (int64_t run = 0; run < weights.num_blocks * kScales; ++run) {
    const int64_t block = run / kScales;
    const int8_t* x = tile.codes + block * kTileRows * kBlockCols + run % kScales * kGroups * 4;
    __m256i dots[kTileRows];
#pragma GCC unroll 4
    for (int r = 0; r < kTileRows; ++r) dots[r] = Dots::Start(tile.starts + run * kTileRows + r);
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g, codes += kPlaneBytes) {
      const auto loaded = Dots::Load(codes);
#pragma GCC unroll 4
      for (int r = 0; r < kTileRows; ++r) {
        Dots::Add(dots[r], loaded, BroadcastFour(x + r * kBlockCols + g * 4));
      }
    }
    const __m256 scale = _mm256_loadu_ps(weights.scales + run * kPanelRows + out);
#pragma GCC unroll 4
    for (int r = 0; r < kTileRows; ++r) {
      const __m256 x_scale = _mm256_set1_ps(tile.scales[block * kTileRows + r]);
      acc[r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[r]), _mm256_mul_ps(scale, x_scale), acc[r]);
      if constexpr (kHasMinimums) {
        const __m256 minimum = _mm256_loadu_ps(weights.minimums + run * kPanelRows + out);
        acc[r] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(tile.sums[run * kTileRows + r]), acc[r]);
      }
    }
  }
  for (int64_t r = 0; r < tile.num_rows; ++r) {
    _mm256_storeu_ps(sums + r * kPanelRows + out, acc[r]);
  }
}

template <typename Dots, int kScales, bool kHasMinimums>
void MultiplyTile(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  for (int64_t out = 0; out < kPanelRows; out += kVectorRows) {
    MultiplyVector<Dots, kScales, kHasMinimums>(weights, tile, out, sums);
  }
}

template <typename Dots>
void Multiply(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  const bool has_minimums = weights.has_minimums;
  if (weights.num_scales == 1) {
    const auto multiply = has_minimums ? MultiplyTile<Dots, 1, true> : MultiplyTile<Dots, 1, false>;
    return multiply(weights, tile, sums);
  }
  const auto multiply = has_minimums ? MultiplyTile<Dots, 2, true> : MultiplyTile<Dots, 2, false>;
  multiply(weights, tile, sums);
}

HWY_POP_ATTRIBUTES

}  // namespace

Int8KernelChoice Avx2Int8Kernel() { return {Multiply<Avx2Dots>, kTileRows, 0, nullptr, nullptr}; }

Int8KernelChoice AvxVnniInt8Kernel() {
  return {Multiply<AvxVnniDots>, kTileRows, 128, nullptr, nullptr};
}

}  // namespace trinity

#endif  // __x86_64__

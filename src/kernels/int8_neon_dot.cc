#include "kernels/int8_kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstring>

#include "kernels/block_layout.h"

// For the dot products of Arm v8.2. Compiled, and not yet run.

namespace trinity {
namespace {

constexpr int64_t kTileRows = 4;
constexpr int64_t kVectorRows = 4;

// Adds to each 32-bit lane the products of its four bytes. Compilers differ in how a function asks
// for the instruction of the intrinsic; assemblers do not.
inline void AddDotProducts(int32x4_t& sums, int8x16_t a, int8x16_t b) {
  __asm__(".arch armv8.2-a+dotprod\n\tsdot %0.4s, %1.16b, %2.16b" : "+w"(sums) : "w"(a), "w"(b));
}

// One vector of outputs, from `out` on.
void MultiplyVector(const ExpandedBlocks& weights, const Int8Tile& tile, int64_t out, float* sums) {
  const int64_t num_scales = weights.num_scales, num_groups = 8 / num_scales;
  float32x4_t acc[kTileRows] = {};
  const auto* codes = reinterpret_cast<const int8_t*>(weights.codes) + out * 4;
  for (int64_t run = 0; run < weights.num_blocks * num_scales; ++run) {
    const int64_t block = run / num_scales;
    const int8_t* x =
        tile.codes + block * kTileRows * kBlockCols + run % num_scales * num_groups * 4;
    int32x4_t dots[kTileRows] = {};
    for (int64_t g = 0; g < num_groups; ++g, codes += kPlaneBytes) {
      const int8x16_t loaded = vld1q_s8(codes);
      for (int64_t r = 0; r < kTileRows; ++r) {
        int32_t four;
        std::memcpy(&four, x + r * kBlockCols + g * 4, sizeof four);
        AddDotProducts(dots[r], loaded, vreinterpretq_s8_s32(vdupq_n_s32(four)));
      }
    }
    const float32x4_t scale = vld1q_f32(weights.scales + run * kPanelRows + out);
    for (int64_t r = 0; r < kTileRows; ++r) {
      const float32x4_t scales = vmulq_n_f32(scale, tile.scales[block * kTileRows + r]);
      acc[r] = vfmaq_f32(acc[r], vcvtq_f32_s32(dots[r]), scales);
      if (weights.has_minimums) {
        const float32x4_t minimum = vld1q_f32(weights.minimums + run * kPanelRows + out);
        acc[r] = vfmaq_f32(acc[r], minimum, vdupq_n_f32(tile.sums[run * kTileRows + r]));
      }
    }
  }
  for (int64_t r = 0; r < tile.num_rows; ++r) vst1q_f32(sums + r * kPanelRows + out, acc[r]);
}

void Multiply(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  for (int64_t out = 0; out < kPanelRows; out += kVectorRows) {
    MultiplyVector(weights, tile, out, sums);
  }
}

}  // namespace

Int8KernelChoice NeonDotInt8Kernel() { return {Multiply, kTileRows, 0, nullptr, nullptr}; }

}  // namespace trinity

#endif  // __aarch64__

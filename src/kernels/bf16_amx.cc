#include "kernels/bf16_kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"
#include "kernels/amx_tiles.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx2,fma,bmi,bmi2,amx-tile,amx-bf16")

namespace trinity {
namespace {

// Rows of a tile register, and of what the kernel takes at a time.
constexpr int64_t kRegisterRows = 16;
constexpr int64_t kTileRows = 2 * kRegisterRows;

// Columns that an instruction multiplies, and the bytes of a panel that hold them.
constexpr int64_t kStepCols = 32;
constexpr int64_t kStepBytes = kStepCols * kPanelRows * 2;
constexpr int64_t kPairBytes = kPanelRows * 4;

// Bytes ahead of their use that weights are fetched.
constexpr int64_t kPrefetchBytes = 4096;

// Tile registers: sums 0..3 of (rows 0..15, 16..31) x (outputs 0..15, 16..31), activations 4 and 5,
// weights 6 and 7. Fewer rows than a register holds are given only for themselves: the instruction
// takes less time then.
void Begin(int64_t num_rows) {
  AmxTileShapes shapes;
  for (int i = 0; i < 8; ++i) {
    shapes.row_bytes[i] = 64;
    shapes.rows[i] =
        static_cast<uint8_t>(i >= 6 ? kRegisterRows : std::min(num_rows, kRegisterRows));
  }
  ConfigureAmxTiles(shapes);
}

void End() { _tile_release(); }

// One step of columns; weights [16 pairs][32 outputs][2], activations at kBf16BlockCols a row.
template <bool kTwoRegisters>
inline void MultiplyStep(const std::byte* weights, const uint16_t* x) {
  constexpr int64_t kRowBytes = kBf16BlockCols * 2;
  _tile_loadd(6, weights, kPairBytes);
  _tile_loadd(4, x, kRowBytes);
  _tile_dpbf16ps(0, 4, 6);
  _tile_loadd(7, weights + 64, kPairBytes);
  _tile_dpbf16ps(1, 4, 7);
  if constexpr (kTwoRegisters) {
    _tile_loadd(5, x + kRegisterRows * kBf16BlockCols, kRowBytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

template <bool kTwoRegisters>
void MultiplyTile(const std::byte* panel, int64_t cols, const uint16_t* x, float* sums) {
  constexpr int64_t kBlockStep = kTileRows * kBf16BlockCols;
  const auto step_at = [x](int64_t col) {
    return x + col / kBf16BlockCols * kBlockStep + col % kBf16BlockCols;
  };
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kTwoRegisters) {
    _tile_zero(2);
    _tile_zero(3);
  }
  int64_t col = 0;
  for (; col + kStepCols <= cols; col += kStepCols, panel += kStepBytes) {
    for (int64_t line = 0; line < kStepBytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(panel + kPrefetchBytes + line), _MM_HINT_T0);
    }
    MultiplyStep<kTwoRegisters>(panel, step_at(col));
  }
  if (col < cols) {
    alignas(64) std::byte rest[kStepBytes] = {};
    std::memcpy(rest, panel, static_cast<size_t>((cols - col + 1) / 2 * kPairBytes));
    __asm__ volatile("" : : "r"(rest) : "memory");  // the loads do not tell that they read it
    MultiplyStep<kTwoRegisters>(rest, step_at(col));
  }
  constexpr int64_t kSumBytes = kPanelRows * 4;
  _tile_stored(0, sums, kSumBytes);
  _tile_stored(1, sums + 16, kSumBytes);
  if constexpr (kTwoRegisters) {
    _tile_stored(2, sums + kRegisterRows * kPanelRows, kSumBytes);
    _tile_stored(3, sums + kRegisterRows * kPanelRows + 16, kSumBytes);
  }
}

void Multiply(const std::byte* panel, int64_t cols, const Bf16Tile& tile, float* sums) {
  const auto multiply = tile.num_rows > kRegisterRows ? MultiplyTile<true> : MultiplyTile<false>;
  multiply(panel, cols, tile.rows, sums);
}

}  // namespace

Bf16KernelChoice AmxBf16Kernel() { return {Multiply, kTileRows, Begin, End}; }

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__

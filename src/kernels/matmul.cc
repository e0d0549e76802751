#include "kernels/matmul.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/check.h"
#include "kernels/enabled_targets.h"
#include "kernels/matmul_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/aligned_allocator.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
constexpr int64_t kLanes = HWY_LANES(float);

// A register tile: kTileRows activation rows by kTileVectors vectors of outputs. Its sums, the
// weights and a broadcast have to fit the registers: 32 with AVX-512 and NEON, else 16.
constexpr int64_t kTileVectors = HWY_MIN(int64_t{4}, kPanelRows / kLanes);
#if HWY_TARGET == HWY_AVX3
constexpr int64_t kTileRows = 12;
#elif HWY_TARGET == HWY_NEON
constexpr int64_t kTileRows = 6;
#else
constexpr int64_t kTileRows = 3;
#endif
constexpr int64_t kTileOutputs = kTileVectors * kLanes;

// Weights are fetched this far ahead of their use: hardware prefetchers stop at pages of 4 KB.
constexpr int64_t kPrefetchBytes = 2048;

// What a tile needs beyond its weights.
struct Tile {
  const float* activations;  // [rows, kSumBlockCols]
  int64_t cols;              // of this block, at most kSumBlockCols
  float* const* outputs;     // [rows], each at the panel's first row
  int64_t num_outputs;       // valid rows of the panel
  Output output;
};

// out = or += sums [kPanelRows], as far as the panel has rows.
HWY_INLINE void WriteSums(const float* sums, const Tile& tile, float* out) {
  const FloatTag d;
  if (tile.num_outputs < kPanelRows) {
    for (int64_t i = 0; i < tile.num_outputs; ++i) {
      out[i] = tile.output == Output::kOverwrite ? sums[i] : out[i] + sums[i];
    }
    return;
  }
  for (int64_t i = 0; i < kPanelRows; i += kLanes) {
    auto sum = hn::Load(d, sums + i);
    if (tile.output == Output::kAddTo) sum = hn::Add(hn::LoadU(d, out + i), sum);
    hn::StoreU(sum, d, out + i);
  }
}

// One column block of one panel times kRows activation rows. Every sum runs over the columns
// ascending, whatever kRows is.
template <class Format, int kRows>
HWY_NOINLINE void MultiplyTile(const typename Format::Stored* weights, const Tile& tile) {
  using V = hn::Vec<FloatTag>;
  const FloatTag d;
  HWY_ALIGN float sums[kRows][kPanelRows];
  for (int64_t first = 0; first < kPanelRows; first += kTileOutputs) {
    V acc[kRows][kTileVectors];
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) acc[r][v] = hn::Zero(d);
    }
    const typename Format::Stored* w = weights + first;
    const float* x = tile.activations;
    for (int64_t k = 0; k < tile.cols; ++k, w += kPanelRows, ++x) {
      hwy::Prefetch(reinterpret_cast<const std::byte*>(w) + kPrefetchBytes);
      V loaded[kTileVectors];
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; v += 2) {
        Format::LoadPair(d, w + v * kLanes, loaded[v], loaded[v + 1]);
      }
      TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
        const V broadcast = hn::Set(d, x[r * kSumBlockCols]);
        TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) {
          acc[r][v] = hn::MulAdd(loaded[v], broadcast, acc[r][v]);
        }
      }
    }
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; v += 2) {
        Format::StorePair(acc[r][v], acc[r][v + 1], d, sums[r] + first + v * kLanes);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) WriteSums(sums[r], tile, tile.outputs[r]);
}

template <class Format, int kRows>
HWY_INLINE void MultiplyRows(int64_t rows, const typename Format::Stored* weights,
                             const Tile& tile) {
  if (rows == kRows) {
    MultiplyTile<Format, kRows>(weights, tile);
  } else if constexpr (kRows > 1) {
    MultiplyRows<Format, kRows - 1>(rows, weights, tile);
  }
}

// Rows of activations times column blocks [first_block, end_block), all in the scratch.
struct Pass {
  int64_t first_row;
  int64_t num_rows;
  int64_t first_block;
  int64_t end_block;
};

int64_t BlockCols(const MatMulCall& call, int64_t block) {
  return std::min(kSumBlockCols, call.matrix.cols - block * kSumBlockCols);
}

// Copies the pass's activations to [block, row, kSumBlockCols]: one pointer reaches all rows.
void GatherActivations(const MatMulCall& call, const Pass& pass) {
  float* to = call.activations;
  for (int64_t block = pass.first_block; block < pass.end_block; ++block) {
    const auto bytes = static_cast<size_t>(BlockCols(call, block)) * sizeof(float);
    for (int64_t row = pass.first_row; row < pass.first_row + pass.num_rows; ++row) {
      std::memcpy(to, call.inputs[static_cast<size_t>(row)] + block * kSumBlockCols, bytes);
      to += kSumBlockCols;
    }
  }
}

// One column block of one panel times all rows of the pass, in tiles of nearly equal height.
template <class Format>
void MultiplyBlock(const MatMulCall& call, const Pass& pass, int64_t panel, int64_t block) {
  const auto* weights = reinterpret_cast<const typename Format::Stored*>(call.matrix.data) +
                        (panel * call.matrix.cols + block * kSumBlockCols) * kPanelRows;
  float* outputs[kTileRows];
  Tile tile;
  tile.cols = BlockCols(call, block);
  tile.outputs = outputs;
  tile.num_outputs = std::min(kPanelRows, call.matrix.rows - panel * kPanelRows);
  tile.output = block == 0 ? call.output : Output::kAddTo;
  const float* activations =
      call.activations + (block - pass.first_block) * pass.num_rows * kSumBlockCols;
  int64_t tiles_left = (pass.num_rows + kTileRows - 1) / kTileRows;
  for (int64_t row = 0; row < pass.num_rows; --tiles_left) {
    const int64_t rows = (pass.num_rows - row + tiles_left - 1) / tiles_left;
    for (int64_t r = 0; r < rows; ++r) {
      outputs[r] = call.outputs[static_cast<size_t>(pass.first_row + row + r)] + panel * kPanelRows;
    }
    tile.activations = activations + row * kSumBlockCols;
    MultiplyRows<Format, kTileRows>(rows, weights, tile);
    row += rows;
  }
}

// Panels [first_panel, end_panel) times all rows.
template <class Format>
void MultiplyPanels(const MatMulCall& call, int64_t first_panel, int64_t end_panel) {
  const auto num_rows = static_cast<int64_t>(call.inputs.size());
  const int64_t num_blocks = (call.matrix.cols + kSumBlockCols - 1) / kSumBlockCols;
  const int64_t pass_rows = std::min(num_rows, kPassRows);
  const int64_t pass_blocks = kScratchRowBlocks / pass_rows;
  for (int64_t block = 0; block < num_blocks; block += pass_blocks) {
    for (int64_t row = 0; row < num_rows; row += pass_rows) {
      const Pass pass = {row, std::min(pass_rows, num_rows - row), block,
                         std::min(num_blocks, block + pass_blocks)};
      GatherActivations(call, pass);
      for (int64_t panel = first_panel; panel < end_panel; ++panel) {
        for (int64_t b = pass.first_block; b < pass.end_block; ++b) {
          MultiplyBlock<Format>(call, pass, panel, b);
        }
      }
    }
  }
}

// More rows than kPassRows go past the same weights in several passes; panels are then
// taken few at a time, so that all passes but the first find a block of them in the cache.
template <class Format>
void MultiplyCall(const MatMulCall& call) {
  constexpr int64_t kCachedPanels = 8;
  const bool one_pass = static_cast<int64_t>(call.inputs.size()) <= kPassRows;
  const int64_t end = call.first_panel + call.num_panels;
  const int64_t step = one_pass ? call.num_panels : kCachedPanels;
  for (int64_t panel = call.first_panel; panel < end; panel += step) {
    MultiplyPanels<Format>(call, panel, std::min(end, panel + step));
  }
}

void MatMulOnTarget(const MatMulCall& call) {
  switch (call.matrix.dtype) {
    case DType::kF32:
      return MultiplyCall<F32Format>(call);
    case DType::kF16:
      return MultiplyCall<F16Format>(call);
    default:
      return MultiplyCall<BF16Format>(call);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(MatMulOnTarget);

std::atomic<int64_t> weight_bytes_streamed{0};

// Each thread's scratch lives as long as the thread.
float* ActivationScratch() {
  thread_local const auto scratch =
      hwy::AllocateAligned<float>(static_cast<size_t>(kScratchRowBlocks * kSumBlockCols));
  TRINITY_CHECK(scratch != nullptr);
  return scratch.get();
}

bool IsWeightDType(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

}  // namespace

void MatMulPanels(const PackedMatrix& matrix, int64_t first_panel, int64_t num_panels,
                  std::span<const float* const> inputs, std::span<float* const> outputs,
                  Output output) {
  TRINITY_CHECK(IsWeightDType(matrix.dtype));
  TRINITY_CHECK(matrix.cols > 0);
  TRINITY_CHECK(inputs.size() == outputs.size());
  TRINITY_CHECK(first_panel >= 0 && first_panel + num_panels <= matrix.num_panels());
  if (inputs.empty() || num_panels <= 0) return;
  weight_bytes_streamed.fetch_add(num_panels * matrix.panel_bytes(), std::memory_order_relaxed);
  const MatMulCall call = {matrix,  first_panel, num_panels,         inputs,
                           outputs, output,      ActivationScratch()};
  HWY_DYNAMIC_DISPATCH(MatMulOnTarget)(call);
}

int64_t WeightBytesStreamed() { return weight_bytes_streamed.load(std::memory_order_relaxed); }

}  // namespace trinity
#endif  // HWY_ONCE

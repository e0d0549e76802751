#include "kernels/matmul.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/bf16_kernel.h"
#include "kernels/block_layout.h"
#include "kernels/cpu_level.h"
#include "kernels/elementwise.h"
#include "kernels/enabled_targets.h"
#include "kernels/matmul_call.h"
#include "kernels/matmul_path.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/expand_blocks.h"
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

// Activation rows times column blocks that are copied side by side at a time: 512 KB, so that they
// stay in the second-level cache while panels stream past.
constexpr int64_t kScratchRowBlocks = 512;

// Activation rows that are copied at a time. More rows make longer passes over the outputs between
// two column blocks, which then fall out of the first-level cache.
constexpr int64_t kPassRows = 240;

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

// The same for BF16, whose columns stand in pairs. A missing column of the last pair takes no part.
template <int kRows>
HWY_NOINLINE void MultiplyPairTile(const uint32_t* weights, const Tile& tile) {
  using V = hn::Vec<FloatTag>;
  const FloatTag d;
  const hn::RebindToUnsigned<FloatTag> du;
  HWY_ALIGN float sums[kRows][kPanelRows];
  for (int64_t first = 0; first < kPanelRows; first += kTileOutputs) {
    V acc[kRows][kTileVectors];
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) acc[r][v] = hn::Zero(d);
    }
    const uint32_t* w = weights + first;
    const float* x = tile.activations;
    const auto multiply = [&](const V* loaded, const float* at) HWY_ATTR {
      TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
        const V broadcast = hn::Set(d, at[r * kSumBlockCols]);
        TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) {
          acc[r][v] = hn::MulAdd(loaded[v], broadcast, acc[r][v]);
        }
      }
    };
    for (int64_t k = 0; k < tile.cols; k += 2, w += kPanelRows, x += 2) {
      hwy::Prefetch(reinterpret_cast<const std::byte*>(w) + kPrefetchBytes);
      V loaded[kTileVectors];
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) {
        loaded[v] = hn::BitCast(d, hn::ShiftLeft<16>(hn::LoadU(du, w + v * kLanes)));
      }
      multiply(loaded, x);
      if (k + 1 == tile.cols) break;
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) {
        const auto pair = hn::LoadU(du, w + v * kLanes);
        loaded[v] = hn::BitCast(d, hn::And(pair, hn::Set(du, 0xFFFF0000u)));
      }
      multiply(loaded, x + 1);
    }
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kTileVectors; ++v) {
        hn::StoreU(acc[r][v], d, sums[r] + first + v * kLanes);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) WriteSums(sums[r], tile, tile.outputs[r]);
}

// The forms that a block of weights can have when a tile meets it.
struct F32Weights {
  template <int kRows>
  static void Multiply(const std::byte* weights, const Tile& tile) {
    MultiplyTile<F32Format, kRows>(reinterpret_cast<const float*>(weights), tile);
  }
};
struct F16Weights {
  template <int kRows>
  static void Multiply(const std::byte* weights, const Tile& tile) {
    MultiplyTile<F16Format, kRows>(reinterpret_cast<const uint16_t*>(weights), tile);
  }
};
struct BF16Weights {
  template <int kRows>
  static void Multiply(const std::byte* weights, const Tile& tile) {
    MultiplyPairTile<kRows>(reinterpret_cast<const uint32_t*>(weights), tile);
  }
};

template <class Weights, int kRows>
HWY_INLINE void MultiplyRows(int64_t rows, const std::byte* weights, const Tile& tile) {
  if (rows == kRows) {
    Weights::template Multiply<kRows>(weights, tile);
  } else if constexpr (kRows > 1) {
    MultiplyRows<Weights, kRows - 1>(rows, weights, tile);
  }
}

// Rows of activations times column blocks [first_block, end_block), all in the scratch.
struct Pass {
  float* activations;  // scratch: [kScratchRowBlocks, kSumBlockCols]
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
  float* to = pass.activations;
  for (int64_t block = pass.first_block; block < pass.end_block; ++block) {
    const auto bytes = static_cast<size_t>(BlockCols(call, block)) * sizeof(float);
    for (int64_t row = pass.first_row; row < pass.first_row + pass.num_rows; ++row) {
      const std::byte* input = call.inputs[static_cast<size_t>(row)];
      std::memcpy(to, input + block * kSumBlockCols * static_cast<int64_t>(sizeof(float)), bytes);
      to += kSumBlockCols;
    }
  }
}

struct GatherScratch {};
struct DequantizeScratch {};

// One column block of one panel of a block format as float32 [columns][32].
const std::byte* DequantizedBlock(const PackedMatrix& matrix, int64_t panel, int64_t block,
                                  int64_t cols) {
  constexpr int64_t kMostBlocks = kSumBlockCols / kBlockCols;
  constexpr int64_t kMostScales = kMostBlocks * 2 * kPanelRows;
  struct Scratch {
    alignas(64) uint8_t codes[kSumBlockCols * kPanelRows];
    alignas(64) float scales[kMostScales];
    alignas(64) float minimums[kMostScales];
    alignas(64) float values[kSumBlockCols * kPanelRows];
  };
  auto* scratch = ThreadScratch<Scratch, DequantizeScratch>(1);
  const BlockLayout layout = LayoutOf(matrix.dtype);
  const ExpandedBlocks expanded = {scratch->codes,    scratch->scales,     scratch->minimums,
                                   cols / kBlockCols, layout.num_scales(), layout.has_minimums()};
  ExpandBlocksOf(matrix, panel, block * kMostBlocks, 0, expanded);
  DequantizeExpanded(expanded, scratch->values);
  return reinterpret_cast<const std::byte*>(scratch->values);
}

// Where the weights of one column block of one panel stand.
const std::byte* BlockWeights(const MatMulCall& call, int64_t panel, int64_t block) {
  const PackedMatrix& matrix = call.matrix;
  if (IsBlockFormat(matrix.dtype)) {
    return DequantizedBlock(matrix, panel, block, BlockCols(call, block));
  }
  return matrix.Panel(panel) + BytesOf(matrix.dtype, block * kSumBlockCols * kPanelRows);
}

// One column block of one panel times all rows of the pass, in tiles of nearly equal height.
template <class Weights>
void MultiplyBlock(const MatMulCall& call, const Pass& pass, int64_t panel, int64_t block) {
  const std::byte* weights = BlockWeights(call, panel, block);
  float* outputs[kTileRows];
  Tile tile;
  tile.cols = BlockCols(call, block);
  tile.outputs = outputs;
  tile.num_outputs = std::min(kPanelRows, call.matrix.rows - panel * kPanelRows);
  tile.output = block == 0 ? call.output : Output::kAddTo;
  const float* activations =
      pass.activations + (block - pass.first_block) * pass.num_rows * kSumBlockCols;
  int64_t tiles_left = (pass.num_rows + kTileRows - 1) / kTileRows;
  for (int64_t row = 0; row < pass.num_rows; --tiles_left) {
    const int64_t rows = (pass.num_rows - row + tiles_left - 1) / tiles_left;
    for (int64_t r = 0; r < rows; ++r) {
      outputs[r] = call.outputs[static_cast<size_t>(pass.first_row + row + r)] + panel * kPanelRows;
    }
    tile.activations = activations + row * kSumBlockCols;
    MultiplyRows<Weights, kTileRows>(rows, weights, tile);
    row += rows;
  }
}

// Panels [first_panel, end_panel) times all rows.
template <class Weights>
void MultiplyPanels(const MatMulCall& call, int64_t first_panel, int64_t end_panel) {
  const int64_t num_rows = call.num_rows();
  const int64_t num_blocks = (call.matrix.cols + kSumBlockCols - 1) / kSumBlockCols;
  const int64_t pass_rows = std::min(num_rows, kPassRows);
  const int64_t pass_blocks = kScratchRowBlocks / pass_rows;
  auto* activations = ThreadScratch<float, GatherScratch>(kScratchRowBlocks * kSumBlockCols);
  for (int64_t block = 0; block < num_blocks; block += pass_blocks) {
    for (int64_t row = 0; row < num_rows; row += pass_rows) {
      const Pass pass = {activations, row, std::min(pass_rows, num_rows - row), block,
                         std::min(num_blocks, block + pass_blocks)};
      GatherActivations(call, pass);
      for (int64_t panel = first_panel; panel < end_panel; ++panel) {
        for (int64_t b = pass.first_block; b < pass.end_block; ++b) {
          MultiplyBlock<Weights>(call, pass, panel, b);
        }
      }
    }
  }
}

// More rows than kPassRows go past the same weights in several passes; panels are then
// taken few at a time, so that all passes but the first find a block of them in the cache.
template <class Weights>
void MultiplyCall(const MatMulCall& call) {
  constexpr int64_t kCachedPanels = 8;
  const int64_t step = call.num_rows() <= kPassRows ? call.num_panels : kCachedPanels;
  for (int64_t panel = call.first_panel; panel < call.end_panel(); panel += step) {
    MultiplyPanels<Weights>(call, panel, std::min(call.end_panel(), panel + step));
  }
}

void MatMulOnTarget(const MatMulCall& call) {
  switch (call.matrix.dtype) {
    case DType::kF16:
      return MultiplyCall<F16Weights>(call);
    case DType::kBF16:
      return MultiplyCall<BF16Weights>(call);
    default:  // F32, and block formats once they are dequantized
      return MultiplyCall<F32Weights>(call);
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

void Float32MatMul(std::span<const MatMulPart> parts, std::span<const std::byte* const> inputs,
                   Output output) {
  for (const MatMulPart& part : parts) {
    const MatMulCall call(part, inputs, output);
    HWY_DYNAMIC_DISPATCH(MatMulOnTarget)(call);
  }
}

struct WidenScratch {};

// BF16 rows as float32, for CPUs that cannot multiply them as they are.
std::span<const std::byte* const> WidenedRows(std::span<const std::byte* const> inputs,
                                              int64_t cols) {
  const auto num_rows = static_cast<int64_t>(inputs.size());
  auto* values = ThreadScratch<float, WidenScratch>(num_rows * cols);
  static thread_local std::vector<const std::byte*> rows;
  rows.clear();
  for (const std::byte* input : inputs) {
    WidenToFloat(input, DType::kBF16, cols, values);
    rows.push_back(reinterpret_cast<const std::byte*>(values));
    values += cols;
  }
  return rows;
}

}  // namespace

void MatMulParts(std::span<const MatMulPart> parts, const ActivationRows& inputs, Output output) {
  int64_t num_bytes = 0;
  for (const MatMulPart& part : parts) {
    const PackedMatrix& matrix = *part.matrix;
    TRINITY_CHECK(IsMatrixDType(matrix.dtype) && matrix.cols > 0);
    TRINITY_CHECK(matrix.cols == parts.front().matrix->cols);
    TRINITY_CHECK(inputs.form != ActivationForm::kInt8 || IsBlockFormat(matrix.dtype));
    TRINITY_CHECK(inputs.form != ActivationForm::kBFloat16 || matrix.dtype == DType::kBF16);
    TRINITY_CHECK(inputs.rows.size() == part.outputs.size());
    TRINITY_CHECK(part.first_panel >= 0 && part.num_panels >= 0);
    TRINITY_CHECK(part.first_panel + part.num_panels <= matrix.num_panels());
    num_bytes += part.num_panels * matrix.panel_bytes();
  }
  if (inputs.rows.empty()) return;
  weight_bytes_streamed.fetch_add(num_bytes, std::memory_order_relaxed);
  if (inputs.form == ActivationForm::kInt8) return Int8MatMul(parts, inputs.rows, output);
  if (inputs.form == ActivationForm::kFloat32) {
    CountMatMul(MatMulPath::kFloat32);
    return Float32MatMul(parts, inputs.rows, output);
  }
  if (ActiveCpuLevel().has_bf16) return Bf16MatMul(parts, inputs.rows, output);
  CountMatMul(MatMulPath::kBf16Widened);
  Float32MatMul(parts, WidenedRows(inputs.rows, parts.front().matrix->cols), output);
}

void MatMulPanels(const PackedMatrix& matrix, int64_t first_panel, int64_t num_panels,
                  const ActivationRows& inputs, std::span<float* const> outputs, Output output) {
  const MatMulPart part = {&matrix, first_panel, num_panels, outputs};
  MatMulParts({&part, 1}, inputs, output);
}

void MatMulPanels(const PackedMatrix& matrix, int64_t first_panel, int64_t num_panels,
                  std::span<const float* const> inputs, std::span<float* const> outputs,
                  Output output) {
  static thread_local std::vector<const std::byte*> rows;
  rows.clear();
  for (const float* input : inputs) rows.push_back(reinterpret_cast<const std::byte*>(input));
  MatMulPanels(matrix, first_panel, num_panels, {ActivationForm::kFloat32, rows}, outputs, output);
}

int64_t WeightBytesStreamed() { return weight_bytes_streamed.load(std::memory_order_relaxed); }

}  // namespace trinity
#endif  // HWY_ONCE

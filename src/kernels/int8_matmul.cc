#include <algorithm>
#include <cstring>

#include "kernels/block_layout.h"
#include "kernels/cpu_level.h"
#include "kernels/enabled_targets.h"
#include "kernels/int8_kernel.h"
#include "kernels/matmul_call.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/int8_matmul.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/highway.h"
#include "kernels/expand_blocks.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
constexpr int64_t kLanes = HWY_LANES(float);

// Blocks that are expanded at a time: 1,024 columns, 32 KB of codes.
constexpr int64_t kChunkBlocks = 32;

// Values that are gathered at a time: they stay in the second-level cache while panels stream past.
constexpr int64_t kGatheredValues = 512 << 10;

constexpr int64_t kPortableTileRows = 4;

// The dot products of one vector of weight rows with kRows rows over the groups that share a scale.
// Products and sums are integers below 2^24 and so exact in float32.
template <int kRows>
HWY_INLINE void PortableDots(const uint8_t* codes, int64_t num_groups, const int8_t* x,
                             hn::Vec<FloatTag>* dots) {
  const FloatTag d;
  const hn::Rebind<int32_t, FloatTag> di;
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) dots[r] = hn::Zero(d);
  for (int64_t g = 0; g < num_groups; ++g, codes += kPlaneBytes, x += 4) {
    const auto four = hn::LoadU(di, reinterpret_cast<const int32_t*>(codes));
    const auto add = [&](auto shifted, int64_t j) HWY_ATTR {
      const auto weight = hn::ConvertTo(d, hn::ShiftRight<24>(shifted));
      TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
        const auto value = hn::Set(d, static_cast<float>(x[r * kBlockCols + j]));
        dots[r] = hn::MulAdd(weight, value, dots[r]);
      }
    };
    add(hn::ShiftLeft<24>(four), 0);
    add(hn::ShiftLeft<16>(four), 1);
    add(hn::ShiftLeft<8>(four), 2);
    add(four, 3);
  }
}

// Block `i` of the weights times the rows of a tile, of which kPortableTileRows always exist.
void PortableBlock(const ExpandedBlocks& weights, int64_t i, const GatheredRows& rows,
                   int64_t tile_block, int64_t num_rows, float* accumulators) {
  const FloatTag d;
  const int64_t groups = 8 / weights.num_scales;
  for (int64_t s = 0; s < weights.num_scales; ++s) {
    const int8_t* x = rows.codes + tile_block * kPortableTileRows * kBlockCols + s * groups * 4;
    const float* x_scales = rows.scales + tile_block * kPortableTileRows;
    const float* x_sums = rows.sums + (tile_block * rows.num_scales + s) * kPortableTileRows;
    const int64_t scale_row = (i * weights.num_scales + s) * kPanelRows;
    for (int64_t out = 0; out < kPanelRows; out += kLanes) {
      hn::Vec<FloatTag> dots[kPortableTileRows];
      PortableDots<kPortableTileRows>(weights.codes + (i * 8 + s * groups) * kPlaneBytes + out * 4,
                                      groups, x, dots);
      const auto scale = hn::LoadU(d, weights.scales + scale_row + out);
      for (int64_t r = 0; r < num_rows; ++r) {
        float* to = accumulators + r * kPanelRows + out;
        auto acc = hn::LoadU(d, to);
        acc = hn::MulAdd(dots[r], hn::Mul(scale, hn::Set(d, x_scales[r])), acc);
        if (weights.has_minimums) {
          const auto minimum = hn::LoadU(d, weights.minimums + scale_row + out);
          acc = hn::MulAdd(minimum, hn::Set(d, x_sums[r]), acc);
        }
        hn::StoreU(acc, d, to);
      }
    }
  }
}

void PortableInt8Kernel(const ExpandedBlocks& weights, const GatheredRows& rows,
                        int64_t first_block, float* accumulators) {
  for (int64_t row = 0; row < rows.num_rows; row += kPortableTileRows) {
    const int64_t tile = row / kPortableTileRows;
    for (int64_t i = 0; i < weights.num_blocks; ++i) {
      PortableBlock(weights, i, rows, tile * rows.num_blocks + first_block + i,
                    std::min(kPortableTileRows, rows.num_rows - row),
                    accumulators + row * kPanelRows);
    }
  }
}

struct CodesScratch {};
struct ScalesScratch {};
struct StartsScratch {};
struct SumsScratch {};
struct AccumulatorScratch {};
struct WeightScratch {};

// Copies rows [first_row, first_row + num_rows) of the call into tiles.
GatheredRows Gather(const MatMulCall& call, int64_t first_row, int64_t num_rows,
                    int64_t tile_rows) {
  const int64_t cols = call.matrix.cols, num_blocks = cols / kBlockCols;
  const int64_t num_scales = LayoutOf(call.matrix.dtype).num_scales();
  const int64_t padded_rows = (num_rows + tile_rows - 1) / tile_rows * tile_rows;
  const int64_t row_blocks = padded_rows * num_blocks;
  auto* codes = ThreadScratch<int8_t, CodesScratch>(row_blocks * kBlockCols);
  auto* scales = ThreadScratch<float, ScalesScratch>(row_blocks);
  auto* starts = ThreadScratch<int32_t, StartsScratch>(row_blocks * num_scales);
  auto* sums = ThreadScratch<float, SumsScratch>(row_blocks * num_scales);
  for (int64_t row = 0; row < num_rows; ++row) {
    const Int8Row from(call.inputs[static_cast<size_t>(first_row + row)], cols);
    const int64_t first = row / tile_rows * num_blocks;
    const int64_t place = row % tile_rows;
    for (int64_t b = 0; b < num_blocks; ++b) {
      const int64_t to = (first + b) * tile_rows + place;
      std::memcpy(codes + to * kBlockCols, from.codes + b * kBlockCols, kBlockCols);
      scales[to] = from.scales[b];
      const int32_t low = from.sums[2 * b], high = from.sums[2 * b + 1];
      const int64_t to_sums = (first + b) * num_scales * tile_rows + place;
      const auto put = [&](int64_t index, int32_t sum) {
        starts[index] = -128 * sum;
        sums[index] = from.scales[b] * static_cast<float>(sum);
      };
      put(to_sums, num_scales == 1 ? low + high : low);
      if (num_scales == 2) put(to_sums + tile_rows, high);
    }
  }
  return {codes, scales, starts, sums, num_rows, num_blocks, num_scales, tile_rows};
}

// Writes or adds the sums of one panel to the outputs.
void WriteAccumulators(const MatMulCall& call, int64_t panel, int64_t first_row, int64_t num_rows,
                       const float* accumulators) {
  const int64_t size = std::min(kPanelRows, call.matrix.rows - panel * kPanelRows);
  for (int64_t row = 0; row < num_rows; ++row, accumulators += kPanelRows) {
    float* out = call.outputs[static_cast<size_t>(first_row + row)] + panel * kPanelRows;
    if (call.output == Output::kOverwrite) {
      std::memcpy(out, accumulators, static_cast<size_t>(size) * sizeof(float));
    } else {
      for (int64_t i = 0; i < size; ++i) out[i] += accumulators[i];
    }
  }
}

// What of a panel is expanded at a time.
struct ExpandedChunk {
  alignas(64) uint8_t codes[kChunkBlocks * kBlockCols * kPanelRows];
  alignas(64) float scales[kChunkBlocks * 2 * kPanelRows];
  alignas(64) float minimums[kChunkBlocks * 2 * kPanelRows];
};

void Int8MatMulOnTarget(const MatMulCall& call, const Int8KernelChoice& choice) {
  const bool is_portable = choice.multiply == nullptr;
  const Int8Kernel multiply = is_portable ? PortableInt8Kernel : choice.multiply;
  const int64_t tile_rows = is_portable ? kPortableTileRows : choice.tile_rows;
  const BlockLayout layout = LayoutOf(call.matrix.dtype);
  const int64_t num_blocks = call.matrix.cols / kBlockCols;
  const int64_t tiles = std::max<int64_t>(1, kGatheredValues / (call.matrix.cols * tile_rows));
  const int64_t pass_rows = std::min(call.num_rows(), tiles * tile_rows);
  auto* chunk = ThreadScratch<ExpandedChunk, WeightScratch>(1);
  auto* accumulators =
      ThreadScratch<float, AccumulatorScratch>((pass_rows + tile_rows) * kPanelRows);
  for (int64_t row = 0; row < call.num_rows(); row += pass_rows) {
    const int64_t num_rows = std::min(pass_rows, call.num_rows() - row);
    const GatheredRows rows = Gather(call, row, num_rows, tile_rows);
    for (int64_t panel = call.first_panel; panel < call.end_panel(); ++panel) {
      std::fill_n(accumulators, num_rows * kPanelRows, 0.0F);
      for (int64_t block = 0; block < num_blocks; block += kChunkBlocks) {
        const ExpandedBlocks weights = {
            chunk->codes,        chunk->scales,
            chunk->minimums,     std::min(kChunkBlocks, num_blocks - block),
            layout.num_scales(), layout.has_minimums()};
        ExpandBlocksOf(call.matrix.dtype, call.matrix.Panel(panel), block, choice.bias, weights);
        multiply(weights, rows, block, accumulators);
      }
      WriteAccumulators(call, panel, row, num_rows, accumulators);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(Int8MatMulOnTarget);

// A tile of AMX has 16 rows whether they are needed or not.
constexpr int64_t kFewestAmxRows = 8;

Int8KernelChoice ChooseKernel([[maybe_unused]] int64_t num_rows) {
  [[maybe_unused]] const CpuLevel& level = ActiveCpuLevel();
#if defined(__x86_64__)
  if (level.has_amx && num_rows >= kFewestAmxRows) return AmxInt8Kernel();
  if (level.has_vnni) return Avx512VnniInt8Kernel();
#endif
  return {};
}

}  // namespace

void Int8MatMul(const MatMulCall& call) {
  HWY_DYNAMIC_DISPATCH(Int8MatMulOnTarget)(call, ChooseKernel(call.num_rows()));
}

}  // namespace trinity
#endif  // HWY_ONCE

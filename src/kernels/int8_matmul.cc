#include <algorithm>
#include <cstring>

#include "kernels/block_layout.h"
#include "kernels/cpu_level.h"
#include "kernels/enabled_targets.h"
#include "kernels/int8_few_rows.h"
#include "kernels/int8_kernel.h"
#include "kernels/matmul_call.h"
#include "kernels/matmul_path.h"

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

// One run of columns that share a scale, times the rows of a tile, whose memory is there even where
// rows are missing.
void PortableRun(const ExpandedBlocks& weights, int64_t run, const Int8Tile& tile, float* sums) {
  const FloatTag d;
  const int64_t num_groups = 8 / weights.num_scales;
  const int64_t block = run / weights.num_scales;
  const int8_t* x = tile.codes + block * kPortableTileRows * kBlockCols +
                    run % weights.num_scales * num_groups * 4;
  const uint8_t* codes = weights.codes + run * num_groups * kPlaneBytes;
  for (int64_t out = 0; out < kPanelRows; out += kLanes) {
    hn::Vec<FloatTag> dots[kPortableTileRows];
    PortableDots<kPortableTileRows>(codes + out * 4, num_groups, x, dots);
    const auto scale = hn::LoadU(d, weights.scales + run * kPanelRows + out);
    for (int64_t r = 0; r < tile.num_rows; ++r) {
      float* to = sums + r * kPanelRows + out;
      const auto x_scale = hn::Set(d, tile.scales[block * kPortableTileRows + r]);
      auto sum = hn::MulAdd(dots[r], hn::Mul(scale, x_scale), hn::LoadU(d, to));
      if (weights.has_minimums) {
        const auto minimum = hn::LoadU(d, weights.minimums + run * kPanelRows + out);
        sum = hn::MulAdd(minimum, hn::Set(d, tile.sums[run * kPortableTileRows + r]), sum);
      }
      hn::StoreU(sum, d, to);
    }
  }
}

[[maybe_unused]] void PortableInt8Kernel(const ExpandedBlocks& weights, const Int8Tile& tile,
                                         float* sums) {
  std::fill_n(sums, tile.num_rows * kPanelRows, 0.0F);
  for (int64_t run = 0; run < weights.num_blocks * weights.num_scales; ++run) {
    PortableRun(weights, run, tile, sums);
  }
}

struct RowCodesScratch {};
struct RowScalesScratch {};
struct RowStartsScratch {};
struct RowSumsScratch {};
struct WeightCodesScratch {};
struct WeightScalesScratch {};
struct WeightMinimumsScratch {};

// What the kernel and the format ask of rows and weights.
struct Needs {
  int64_t tile_rows;
  int64_t num_blocks;
  int64_t num_scales;
  int bias;
  bool minimums;

  bool SameRows(const Needs& other) const {
    return num_scales == other.num_scales && minimums <= other.minimums;
  }
};

// Rows in tiles: [tiles] of what Int8Tile points to.
struct GatheredRows {
  int8_t* codes;
  float* scales;
  int32_t* starts;
  float* sums;

  Int8Tile TileAt(int64_t row, int64_t num_rows, const Needs& needs) const {
    const int64_t first = row * needs.num_blocks;
    return {codes + first * kBlockCols, scales + first, starts + first * needs.num_scales,
            sums + first * needs.num_scales, std::min(needs.tile_rows, num_rows - row)};
  }
};

// Copies rows into tiles.
GatheredRows Gather(std::span<const std::byte* const> inputs, const Needs& needs) {
  const auto num_rows = static_cast<int64_t>(inputs.size());
  const int64_t tile_rows = needs.tile_rows, num_blocks = needs.num_blocks;
  const int64_t num_scales = needs.num_scales;
  const int64_t row_blocks = (num_rows + tile_rows - 1) / tile_rows * tile_rows * num_blocks;
  const GatheredRows to = {ThreadScratch<int8_t, RowCodesScratch>(row_blocks * kBlockCols),
                           ThreadScratch<float, RowScalesScratch>(row_blocks),
                           ThreadScratch<int32_t, RowStartsScratch>(row_blocks * num_scales),
                           ThreadScratch<float, RowSumsScratch>(row_blocks * num_scales)};
  for (int64_t row = 0; row < num_rows; ++row) {
    const Int8Row from(inputs[static_cast<size_t>(row)], num_blocks * kBlockCols);
    const int64_t place = row % tile_rows, first = (row - place) * num_blocks;
    int8_t* codes = to.codes + (first + place) * kBlockCols;
    for (int64_t b = 0; b < num_blocks; ++b) {
      std::memcpy(codes + b * tile_rows * kBlockCols, from.codes + b * kBlockCols, kBlockCols);
    }
    for (int64_t b = 0; b < num_blocks; ++b) {
      to.scales[first + b * tile_rows + place] = from.scales[b];
    }
    if (needs.bias == 0 && !needs.minimums) continue;
    for (int64_t run = 0; run < num_blocks * num_scales; ++run) {
      const int64_t index = first * num_scales + run * tile_rows + place;
      const int32_t sum =
          num_scales == 1 ? from.sums[2 * run] + from.sums[2 * run + 1] : from.sums[run];
      to.starts[index] = -128 * sum;
      to.sums[index] = from.scales[run / num_scales] * static_cast<float>(sum);
    }
  }
  return to;
}

// The panels of one part times rows [first_row, first_row + num_rows) of the call.
void MultiplyPart(const MatMulCall& call, const GatheredRows& rows, int64_t first_row,
                  int64_t num_rows, const Int8KernelChoice& kernel, const Needs& needs) {
  const int64_t num_scales = needs.num_blocks * needs.num_scales * kPanelRows;
  const ExpandedBlocks weights = {
      ThreadScratch<uint8_t, WeightCodesScratch>(needs.num_blocks * kBlockCols * kPanelRows),
      ThreadScratch<float, WeightScalesScratch>(num_scales),
      ThreadScratch<float, WeightMinimumsScratch>(num_scales),
      needs.num_blocks,
      needs.num_scales,
      needs.minimums};
  HWY_ALIGN float sums[kMostInt8TileRows * kPanelRows];
  for (int64_t panel = call.first_panel; panel < call.end_panel(); ++panel) {
    const int64_t first_output = panel * kPanelRows;
    const int64_t size = std::min(kPanelRows, call.matrix.rows - first_output);
    const auto output_of = [&](int64_t row) {
      return call.outputs[static_cast<size_t>(first_row + row)] + first_output;
    };
    ExpandBlocksOf(call.matrix, panel, 0, needs.bias, weights);
    for (int64_t row = 0; row < num_rows; row += needs.tile_rows) {
      const Int8Tile tile = rows.TileAt(row, num_rows, needs);
      for (int64_t r = 0; r < tile.num_rows; ++r) {
        __builtin_prefetch(output_of(row + r), 1);
        __builtin_prefetch(output_of(row + r) + size - 1, 1);
      }
      kernel.multiply(weights, tile, sums);
      for (int64_t r = 0; r < tile.num_rows; ++r) {
        WritePanelSums(sums + r * kPanelRows, size, call.output, output_of(row + r));
      }
    }
  }
}

// Where the CPU has no instructions beyond Highway's target.
Int8KernelChoice KernelOfTarget() {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  CountMatMul(MatMulPath::kInt8Avx2);
  return Avx2Int8Kernel();
#else
  CountMatMul(MatMulPath::kInt8Portable);
  return {PortableInt8Kernel, kPortableTileRows, 0, nullptr, nullptr};
#endif
}

void Int8MatMulOnTarget(std::span<const MatMulPart> parts, std::span<const std::byte* const> inputs,
                        Output output, const Int8KernelChoice& choice) {
  const Int8KernelChoice kernel = choice.multiply != nullptr ? choice : KernelOfTarget();
  const auto num_rows = static_cast<int64_t>(inputs.size());
  const int64_t cols = parts.front().matrix->cols;
  const int64_t tiles = std::max<int64_t>(1, kGatheredValues / (cols * kernel.tile_rows));
  const int64_t pass_rows = std::min(num_rows, tiles * kernel.tile_rows);
  for (int64_t row = 0; row < num_rows; row += pass_rows) {
    const int64_t count = std::min(pass_rows, num_rows - row);
    GatheredRows rows = {};
    Needs gathered = {};
    for (const MatMulPart& part : parts) {
      const BlockLayout layout = LayoutOf(part.matrix->dtype);
      const Needs needs = {kernel.tile_rows, cols / kBlockCols, layout.num_scales(), kernel.bias,
                           layout.has_minimums()};
      if (!needs.SameRows(gathered)) {
        gathered = needs;
        rows = Gather(inputs.subspan(static_cast<size_t>(row), static_cast<size_t>(count)), needs);
        if (kernel.begin != nullptr) kernel.begin(needs.num_scales);
      }
      MultiplyPart({part, inputs, output}, rows, row, count, kernel, needs);
    }
  }
  if (kernel.end != nullptr) kernel.end();
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(Int8MatMulOnTarget);

#if defined(__x86_64__)
// Rows up to which expanding a panel does not pay. Codes with one scale a block are quickly read
// twice; what stands beside the others makes a second pass dear.
int64_t MostFewRows(std::span<const MatMulPart> parts) {
  const bool is_plain = std::all_of(parts.begin(), parts.end(), [](const MatMulPart& part) {
    const BlockLayout layout = LayoutOf(part.matrix->dtype);
    return layout.num_scales() == 1 && !layout.has_minimums();
  });
  return is_plain ? 2 * kFewRows : kFewRows;
}
#endif

Int8KernelChoice ChooseKernel() {
  [[maybe_unused]] const CpuLevel& level = ActiveCpuLevel();
#if defined(__x86_64__)
  if (level.has_amx) {
    CountMatMul(MatMulPath::kInt8Amx);
    return AmxInt8Kernel();
  }
  if (level.has_vnni) {
    CountMatMul(MatMulPath::kInt8Avx512Vnni);
    return Avx512VnniInt8Kernel();
  }
  if (level.has_avx_vnni) {
    CountMatMul(MatMulPath::kInt8AvxVnni);
    return AvxVnniInt8Kernel();
  }
#endif
#if defined(__aarch64__)
  if (level.has_neon_dot) {
    CountMatMul(MatMulPath::kInt8NeonDot);
    return NeonDotInt8Kernel();
  }
#endif
  return {};
}

}  // namespace

void Int8MatMul(std::span<const MatMulPart> parts, std::span<const std::byte* const> inputs,
                Output output) {
#if defined(__x86_64__)
  const auto num_rows = static_cast<int64_t>(inputs.size());
  if (ActiveCpuLevel().has_vnni && num_rows <= MostFewRows(parts)) {
    CountMatMul(MatMulPath::kInt8FewRows);
    for (const MatMulPart& part : parts) Avx512VnniFewRows({part, inputs, output});
    return;
  }
#endif
  HWY_DYNAMIC_DISPATCH(Int8MatMulOnTarget)(parts, inputs, output, ChooseKernel());
}

}  // namespace trinity
#endif  // HWY_ONCE

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "kernels/bf16_kernel.h"
#include "kernels/cpu_level.h"
#include "kernels/matmul_call.h"
#include "kernels/matmul_path.h"

namespace trinity {
namespace {

// Values that are gathered at a time: they stay in the second-level cache while panels stream past.
constexpr int64_t kGatheredValues = 512 << 10;

Bf16KernelChoice ChooseKernel() {
#if defined(__x86_64__)
  if (ActiveCpuLevel().has_amx) {
    CountMatMul(MatMulPath::kBf16Amx);
    return AmxBf16Kernel();
  }
  if (ActiveCpuLevel().has_bf16) {
    CountMatMul(MatMulPath::kBf16Avx512);
    return Avx512Bf16Kernel();
  }
#endif
  return {};
}

struct GatherScratch {};

// Copies rows into tiles: [tiles] of what Bf16Tile points to.
const uint16_t* Gather(std::span<const std::byte* const> inputs, int64_t cols, int64_t tile_rows) {
  const auto num_rows = static_cast<int64_t>(inputs.size());
  const int64_t num_blocks = (cols + kBf16BlockCols - 1) / kBf16BlockCols;
  const int64_t padded_rows = (num_rows + tile_rows - 1) / tile_rows * tile_rows;
  auto* gathered =
      ThreadScratch<uint16_t, GatherScratch>(padded_rows * num_blocks * kBf16BlockCols);
  for (int64_t row = 0; row < num_rows; ++row) {
    const auto* from = reinterpret_cast<const uint16_t*>(inputs[static_cast<size_t>(row)]);
    const int64_t place = row % tile_rows;
    uint16_t* to = gathered + ((row - place) * num_blocks + place) * kBf16BlockCols;
    for (int64_t col = 0; col < cols; col += kBf16BlockCols, to += tile_rows * kBf16BlockCols) {
      const int64_t count = std::min(kBf16BlockCols, cols - col);
      std::memcpy(to, from + col, static_cast<size_t>(count) * sizeof(uint16_t));
      std::fill(to + count, to + kBf16BlockCols, uint16_t{0});
    }
  }
  return gathered;
}

// The panels of one part times the gathered rows from `first_row` on.
void MultiplyPart(const MatMulCall& call, const uint16_t* gathered, int64_t first_row,
                  int64_t num_rows, const Bf16KernelChoice& kernel) {
  const int64_t cols = call.matrix.cols;
  const int64_t num_blocks = (cols + kBf16BlockCols - 1) / kBf16BlockCols;
  alignas(64) float sums[kMostBf16TileRows * kPanelRows];
  for (int64_t panel = call.first_panel; panel < call.end_panel(); ++panel) {
    const int64_t first_output = panel * kPanelRows;
    const int64_t size = std::min(kPanelRows, call.matrix.rows - first_output);
    for (int64_t row = 0; row < num_rows; row += kernel.tile_rows) {
      const int64_t count = std::min(kernel.tile_rows, num_rows - row);
      const auto output_of = [&](int64_t r) {
        return call.outputs[static_cast<size_t>(first_row + row + r)] + first_output;
      };
      for (int64_t r = 0; r < count; ++r) {
        __builtin_prefetch(output_of(r), 1);
        __builtin_prefetch(output_of(r) + size - 1, 1);
      }
      kernel.multiply(call.matrix.Panel(panel), cols,
                      {gathered + row * num_blocks * kBf16BlockCols, count}, sums);
      for (int64_t r = 0; r < count; ++r) {
        WritePanelSums(sums + r * kPanelRows, size, call.output, output_of(r));
      }
    }
  }
}

}  // namespace

void Bf16MatMul(std::span<const MatMulPart> parts, std::span<const std::byte* const> inputs,
                Output output) {
  const Bf16KernelChoice kernel = ChooseKernel();
  TRINITY_CHECK(kernel.multiply != nullptr);
  const auto num_rows = static_cast<int64_t>(inputs.size());
  const int64_t cols = parts.front().matrix->cols;
  const int64_t tiles = std::max<int64_t>(1, kGatheredValues / (cols * kernel.tile_rows));
  const int64_t pass_rows = std::min(num_rows, tiles * kernel.tile_rows);
  for (int64_t row = 0; row < num_rows; row += pass_rows) {
    const int64_t count = std::min(pass_rows, num_rows - row);
    const uint16_t* gathered =
        Gather(inputs.subspan(static_cast<size_t>(row), static_cast<size_t>(count)), cols,
               kernel.tile_rows);
    if (kernel.begin != nullptr) kernel.begin(count);
    for (const MatMulPart& part : parts) {
      MultiplyPart({part, inputs, output}, gathered, row, count, kernel);
    }
  }
  if (kernel.end != nullptr) kernel.end();
}

}  // namespace trinity

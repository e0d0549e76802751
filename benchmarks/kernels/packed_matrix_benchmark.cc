#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/memory_block.h"
#include "kernels/packed_matrix.h"

namespace trinity {
namespace {

// Packs a matrix of 128 MB in units of 1,024 rows, each from memory to memory.
void BM_PackRows(benchmark::State& state) {
  const auto dtype = static_cast<DType>(state.range(0));
  const int64_t cols = state.range(1);
  constexpr int64_t kUnitRows = 1024;
  const int64_t units = (128 << 20) / BytesOf(dtype, kUnitRows * cols);
  const int64_t bytes = units * BytesOf(dtype, kUnitRows * cols);
  MemoryBlock source = MemoryBlock(bytes);
  MemoryBlock panels = MemoryBlock(bytes);
  std::fill_n(source.data(), bytes, std::byte{1});
  std::fill_n(panels.data(), bytes, std::byte{2});
  for (auto _ : state) {
    for (int64_t unit = 0; unit < units; ++unit) {
      const int64_t offset = unit * BytesOf(dtype, kUnitRows * cols);
      PackRows(source.data() + offset, dtype, kUnitRows, cols, panels.data() + offset);
    }
  }
  state.SetLabel(std::string(NameOf(dtype)));
  state.SetBytesProcessed(bytes * static_cast<int64_t>(state.iterations()));
}
BENCHMARK(BM_PackRows)
    ->ArgNames({"dtype", "cols"})
    ->Args({static_cast<int>(DType::kBF16), 256})
    ->Args({static_cast<int>(DType::kBF16), 1024})
    ->Args({static_cast<int>(DType::kBF16), 3072})
    ->Args({static_cast<int>(DType::kBF16), 1000})
    ->Args({static_cast<int>(DType::kF32), 1024})
    ->Unit(benchmark::kMillisecond);

void BM_UnpackRow(benchmark::State& state) {
  constexpr int64_t kRows = 32768, kCols = 1024;
  const int64_t bytes = PackedBytes(DType::kBF16, kRows, kCols);
  MemoryBlock panels = MemoryBlock(bytes);
  std::fill_n(panels.data(), bytes, std::byte{1});
  std::vector<float> out(kCols);
  int64_t row = 0;
  for (auto _ : state) {
    UnpackRow({panels.data(), DType::kBF16, kRows, kCols}, row, out.data());
    row = (row + 7919) % kRows;
  }
}
BENCHMARK(BM_UnpackRow);

}  // namespace
}  // namespace trinity

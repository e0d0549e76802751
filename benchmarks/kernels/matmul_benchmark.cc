#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/memory_block.h"
#include "benchmarks/kernels/core_roof.h"
#include "kernels/matmul.h"

namespace trinity {
namespace {

// A matrix of pattern bytes that are small finite numbers in every dtype.
struct PatternMatrix {
  PatternMatrix(DType dtype, int64_t rows, int64_t cols)
      : block(MemoryBlock(PackedBytes(dtype, rows, cols))) {
    std::fill_n(block.data(), PackedBytes(dtype, rows, cols), std::byte{0x3C});
    matrix = {block.data(), dtype, rows, cols};
  }
  MemoryBlock block;
  PackedMatrix matrix;
};

struct ActivationRows {
  ActivationRows(int64_t num_rows, int64_t cols, int64_t rows)
      : activations(static_cast<size_t>(num_rows * cols), 0.5F),
        results(static_cast<size_t>(num_rows * rows)) {
    for (int64_t i = 0; i < num_rows; ++i) {
      inputs.push_back(activations.data() + i * cols);
      outputs.push_back(results.data() + i * rows);
    }
  }
  std::vector<float> activations;
  std::vector<float> results;
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
};

// One row times a matrix of 256 MB, in calls of `panels` panels each, as threads would cut it.
void BM_Decode(benchmark::State& state) {
  const auto dtype = static_cast<DType>(state.range(0));
  const int64_t cols = state.range(1);
  const int64_t panels = state.range(2);
  const int64_t rows = (256 << 20) / BytesOf(dtype, cols) / kPanelRows * kPanelRows;
  const PatternMatrix weights(dtype, rows, cols);
  const ActivationRows x(1, cols, rows);
  for (auto _ : state) {
    for (int64_t p = 0; p + panels <= weights.matrix.num_panels(); p += panels) {
      MatMulPanels(weights.matrix, p, panels, x.inputs, x.outputs, Output::kOverwrite);
    }
  }
  state.SetLabel(std::string(NameOf(dtype)));
  const double bytes = static_cast<double>(weights.matrix.num_panels() / panels * panels *
                                           weights.matrix.panel_bytes()) *
                       static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_roof"] =
      benchmark::Counter(bytes / CoreReadBytesPerSecond(), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Decode)
    ->ArgNames({"dtype", "cols", "panels"})
    ->Args({static_cast<int>(DType::kBF16), 1024, 1})
    ->Args({static_cast<int>(DType::kBF16), 1024, 8})
    ->Args({static_cast<int>(DType::kBF16), 3072, 8})
    ->Args({static_cast<int>(DType::kBF16), 256, 32})
    ->Args({static_cast<int>(DType::kF16), 1024, 8})
    ->Args({static_cast<int>(DType::kF32), 1024, 8})
    ->Unit(benchmark::kMillisecond);

// Many rows times a matrix of [2048, cols], in calls of `panels` panels each.
void BM_Prefill(benchmark::State& state) {
  const auto dtype = static_cast<DType>(state.range(0));
  const int64_t cols = state.range(1);
  const int64_t num_rows = state.range(2);
  const int64_t panels = state.range(3);
  const int64_t rows = 2048;
  const PatternMatrix weights(dtype, rows, cols);
  const ActivationRows x(num_rows, cols, rows);
  for (auto _ : state) {
    for (int64_t p = 0; p + panels <= weights.matrix.num_panels(); p += panels) {
      MatMulPanels(weights.matrix, p, panels, x.inputs, x.outputs, Output::kOverwrite);
    }
  }
  state.SetLabel(std::string(NameOf(dtype)));
  const double ops =
      2.0 * static_cast<double>(num_rows * rows * cols) * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(ops / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_roof"] =
      benchmark::Counter(ops / CoreOpsPerSecond(Arithmetic::kF32), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Prefill)
    ->ArgNames({"dtype", "cols", "rows", "panels"})
    ->ArgsProduct({{static_cast<int>(DType::kBF16)}, {1024}, {2, 4, 8, 12, 32, 64, 512}, {4}})
    ->Args({static_cast<int>(DType::kBF16), 1024, 512, 1})
    ->Args({static_cast<int>(DType::kBF16), 1024, 512, 32})
    ->Args({static_cast<int>(DType::kBF16), 3072, 512, 8})
    ->Args({static_cast<int>(DType::kBF16), 1024, 2048, 8})
    ->Args({static_cast<int>(DType::kF16), 1024, 512, 8})
    ->Args({static_cast<int>(DType::kF32), 1024, 512, 8})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace trinity

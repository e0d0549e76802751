// Every weight type times 1, 4, 8, 16 and 512 rows of activations on one core, each in the form
// that it is computed in, as a share of its roof. BM_MatMul/<weights>/<activations>/rows:<n>.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_block.h"
#include "benchmarks/kernels/core_roof.h"
#include "kernels/matmul.h"

namespace trinity {
namespace {

// As many as the roof of reading is measured with: far beyond the caches of a core.
constexpr int64_t kWeightBytes = 256 << 20;

// With many rows the arithmetic counts: a smaller matrix takes long enough.
constexpr int64_t kManyRows = 64;
constexpr int64_t kManyRowsOutputs = 4096;

constexpr int64_t kCols = 1024;
constexpr int64_t kPanelsPerCall = 8;

// Bytes that are small finite numbers in every dtype. All matrices are made of the same ones.
const std::byte* PatternBytes() {
  static const MemoryBlock block = [] {
    MemoryBlock bytes(kWeightBytes);
    std::fill_n(bytes.data(), kWeightBytes, std::byte{0x3C});
    return bytes;
  }();
  return block.data();
}

struct PreparedRows {
  PreparedRows(ActivationForm form, int64_t num_rows, int64_t num_outputs)
      : prepared(num_rows * PreparedRowBytes(form, kCols)),
        results(static_cast<size_t>(num_rows * num_outputs)) {
    const std::vector<float> values(kCols, 0.5F);
    for (int64_t i = 0; i < num_rows; ++i) {
      std::byte* row = prepared.data() + i * PreparedRowBytes(form, kCols);
      PrepareRow(form, values.data(), kCols, row);
      inputs.push_back(row);
      outputs.push_back(results.data() + i * num_outputs);
    }
  }
  MemoryBlock prepared;
  std::vector<float> results;
  std::vector<const std::byte*> inputs;
  std::vector<float*> outputs;
};

// The roof is the longer of the times that reading the weights and multiplying take at best.
void BM_MatMul(benchmark::State& state, DType dtype, ActivationForm form) {
  const int64_t num_rows = state.range(0);
  const int64_t panel_bytes = PanelBytes(dtype, kCols);
  const int64_t num_panels =
      num_rows >= kManyRows ? kManyRowsOutputs / kPanelRows : kWeightBytes / panel_bytes;
  const PackedMatrix matrix = {PatternBytes(), dtype, num_panels * kPanelRows, kCols};
  const PreparedRows x(form, num_rows, matrix.rows);
  for (auto _ : state) {
    for (int64_t p = 0; p < num_panels; p += kPanelsPerCall) {
      MatMulPanels(matrix, p, std::min(kPanelsPerCall, num_panels - p), {form, x.inputs}, x.outputs,
                   Output::kOverwrite);
    }
  }
  const auto rounds = static_cast<double>(state.iterations());
  const double bytes = rounds * static_cast<double>(num_panels * panel_bytes);
  const double ops = rounds * 2 * static_cast<double>(num_rows * matrix.rows * kCols);
  const double roof_seconds =
      std::max(bytes / CoreReadBytesPerSecond(), ops / CoreOpsPerSecond(BestArithmetic(form)));
  state.counters["GB/s"] = benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsRate);
  state.counters["GOP/s"] = benchmark::Counter(ops / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_roof"] = benchmark::Counter(roof_seconds, benchmark::Counter::kIsRate);
}

std::string_view NameOf(ActivationForm form) {
  if (form == ActivationForm::kFloat32) return "f32";
  return form == ActivationForm::kInt8 ? "int8" : "bf16";
}

void Register(DType dtype, ActivationForm form) {
  const std::string name =
      "BM_MatMul/" + std::string(NameOf(dtype)) + "/" + std::string(NameOf(form));
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](benchmark::State& state) { BM_MatMul(state, dtype, form); })
      ->ArgName("rows")
      ->ArgsProduct({{1, 4, 8, 16, 512}})
      ->Unit(benchmark::kMillisecond);
}

[[maybe_unused]] const bool kAllAreRegistered = [] {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ4_K}) {
    Register(dtype, ActivationForm::kFloat32);
  }
  Register(DType::kBF16, ActivationForm::kBFloat16);
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                            DType::kQ2_K, DType::kQ3_K, DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,
                            DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4}) {
    Register(dtype, ActivationForm::kInt8);
  }
  return true;
}();

}  // namespace
}  // namespace trinity

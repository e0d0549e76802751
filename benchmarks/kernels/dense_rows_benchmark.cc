// 512 rows of activations times a dense matrix on one core: our kernels, and oneDNN's as the ones
// to beat. oneDNN has no block formats: its int8 matrix has no scales, which spares it the
// multiplications by them.

#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <string>
#include <vector>

#include "base/memory_block.h"
#include "benchmarks/kernels/core_roof.h"
#include "kernels/matmul.h"

namespace trinity {
namespace {

constexpr int64_t kNumRows = 512;

void Report(benchmark::State& state, ActivationForm form, int64_t rows, int64_t cols) {
  const double ops =
      2.0 * static_cast<double>(kNumRows * rows * cols) * static_cast<double>(state.iterations());
  state.counters["GOP/s"] = benchmark::Counter(ops / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_roof"] =
      benchmark::Counter(ops / CoreOpsPerSecond(BestArithmetic(form)), benchmark::Counter::kIsRate);
}

void BM_DenseRows(benchmark::State& state) {
  const auto dtype = static_cast<DType>(state.range(0));
  const auto form = static_cast<ActivationForm>(state.range(1));
  const int64_t rows = state.range(2);
  const int64_t cols = state.range(3);
  MemoryBlock weights(PackedBytes(dtype, rows, cols));
  std::fill_n(weights.data(), PackedBytes(dtype, rows, cols), std::byte{0x3C});
  const PackedMatrix matrix = {weights.data(), dtype, rows, cols};
  const std::vector<float> values(static_cast<size_t>(cols), 0.5F);
  const int64_t row_bytes = PreparedRowBytes(form, cols);
  MemoryBlock prepared(kNumRows * row_bytes);
  std::vector<float> results(static_cast<size_t>(kNumRows * rows));
  std::vector<const std::byte*> inputs;
  std::vector<float*> outputs;
  for (int64_t i = 0; i < kNumRows; ++i) {
    PrepareRow(form, values.data(), cols, prepared.data() + i * row_bytes);
    inputs.push_back(prepared.data() + i * row_bytes);
    outputs.push_back(results.data() + i * rows);
  }
  constexpr int64_t kPanelsPerCall = 8;
  for (auto _ : state) {
    for (int64_t p = 0; p < matrix.num_panels(); p += kPanelsPerCall) {
      const int64_t num_panels = std::min(kPanelsPerCall, matrix.num_panels() - p);
      MatMulPanels(matrix, p, num_panels, {form, inputs}, outputs, Output::kOverwrite);
    }
  }
  state.SetLabel(std::string(NameOf(dtype)));
  Report(state, form, rows, cols);
}

// One shape of each kind that Nano has: an expert, attention, the dense layers.
void Shapes(benchmark::internal::Benchmark* benchmark, DType dtype, ActivationForm form) {
  for (const auto& [rows, cols] :
       {std::pair{512, 1024}, {1024, 1024}, {3072, 1024}, {1024, 3072}}) {
    benchmark->Args({static_cast<int>(dtype), static_cast<int>(form), rows, cols});
  }
}
BENCHMARK(BM_DenseRows)
    ->ArgNames({"dtype", "form", "rows", "cols"})
    ->Apply([](auto* b) { Shapes(b, DType::kQ4_0, ActivationForm::kInt8); })
        -> Apply([](auto* b) { Shapes(b, DType::kQ4_K, ActivationForm::kInt8); })
            -> Apply([](auto* b) { Shapes(b, DType::kQ8_0, ActivationForm::kInt8); })
                -> Apply([](auto* b) { Shapes(b, DType::kBF16, ActivationForm::kBFloat16); })
                    -> Unit(benchmark::kMillisecond);

void BM_OneDnnDenseRows(benchmark::State& state) {
  using dnnl::memory;
  using Type = memory::data_type;
  const auto form = static_cast<ActivationForm>(state.range(0));
  const bool int8 = form == ActivationForm::kInt8;
  const int64_t rows = state.range(1);
  const int64_t cols = state.range(2);
  omp_set_num_threads(1);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  using Tag = memory::format_tag;
  const memory::desc input({kNumRows, cols}, int8 ? Type::s8 : Type::bf16, Tag::ab);
  // It chooses the order of the weights, as we do when we load them.
  const memory::desc weights({cols, rows}, int8 ? Type::s8 : Type::bf16, Tag::any);
  const memory::desc output({kNumRows, rows}, Type::f32, Tag::ab);
  const dnnl::matmul::primitive_desc description({input, weights, output}, engine);
  const dnnl::matmul matmul(description);
  memory x(description.src_desc(), engine);
  memory w(description.weights_desc(), engine);
  memory y(description.dst_desc(), engine);
  for (memory* m : {&x, &w}) {
    std::fill_n(static_cast<std::byte*>(m->get_data_handle()), m->get_desc().get_size(),
                std::byte{0x3C});
  }
  for (auto _ : state) {
    matmul.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
    stream.wait();
  }
  state.SetLabel(description.impl_info_str());
  Report(state, form, rows, cols);
}
BENCHMARK(BM_OneDnnDenseRows)
    ->ArgNames({"form", "rows", "cols"})
    ->ArgsProduct({{static_cast<int>(ActivationForm::kInt8)}, {512, 1024, 3072}, {1024}})
    ->ArgsProduct({{static_cast<int>(ActivationForm::kBFloat16)}, {512, 1024, 3072}, {1024}})
    ->Args({static_cast<int>(ActivationForm::kInt8), 1024, 3072})
    ->Args({static_cast<int>(ActivationForm::kBFloat16), 1024, 3072})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace trinity

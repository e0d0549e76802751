#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/elementwise.h"
#include "kernels/log_sum_exp.h"

namespace trinity {
namespace {

void SetValueRate(benchmark::State& state, int64_t size) {
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * size);
}

void BM_RmsNorm(benchmark::State& state) {
  const int64_t size = state.range(0);
  const std::vector<float> x(static_cast<size_t>(size), 0.5F);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    RmsNorm(x.data(), x.data(), 1e-5F, size, out.data());
    benchmark::ClobberMemory();
  }
  SetValueRate(state, size);
}
BENCHMARK(BM_RmsNorm)->Arg(128)->Arg(1024)->Arg(3072);

void BM_SiluMultiply(benchmark::State& state) {
  const int64_t size = state.range(0);
  const std::vector<float> x(static_cast<size_t>(size), 0.5F);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    SiluMultiply(x.data(), x.data(), 0.5F, size, out.data());
    benchmark::ClobberMemory();
  }
  SetValueRate(state, size);
}
BENCHMARK(BM_SiluMultiply)->Arg(256)->Arg(3072);

void BM_RotateHalves(benchmark::State& state) {
  std::vector<float> x(128, 0.5F);
  const std::vector<float> cos(64, 1.0F);
  const std::vector<float> sin(64, 0.0F);
  for (auto _ : state) {
    RotateHalves(x.data(), cos.data(), sin.data(), 64);
    benchmark::ClobberMemory();
  }
  SetValueRate(state, 128);
}
BENCHMARK(BM_RotateHalves);

constexpr int64_t kVocabSize = 200192;

void BM_ArgMax(benchmark::State& state) {
  std::vector<float> x(kVocabSize, 0.5F);
  x[150000] = 1.0F;
  for (auto _ : state) benchmark::DoNotOptimize(ArgMax(x.data(), kVocabSize));
  SetValueRate(state, kVocabSize);
}
BENCHMARK(BM_ArgMax);

void BM_Softmax(benchmark::State& state) {
  const std::vector<float> x(kVocabSize, 0.5F);
  std::vector<float> out(x.size());
  for (auto _ : state) {
    Softmax(x.data(), kVocabSize, out.data());
    benchmark::ClobberMemory();
  }
  SetValueRate(state, kVocabSize);
}
BENCHMARK(BM_Softmax);

void BM_LogSumExp(benchmark::State& state) {
  const std::vector<float> x(kVocabSize, 0.5F);
  for (auto _ : state) benchmark::DoNotOptimize(LogSumExp(x.data(), kVocabSize));
  SetValueRate(state, kVocabSize);
}
BENCHMARK(BM_LogSumExp);

}  // namespace
}  // namespace trinity

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/memory_block.h"
#include "benchmarks/kernels/core_roof.h"
#include "kernels/enabled_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/kernels/core_roof_benchmark.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/widen.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums `size` floats, a multiple of 256.
float ReadOnTarget(const float* data, int64_t size) {
  using D = hn::ScalableTag<float>;
  const D d;
  constexpr int64_t kLanes = HWY_LANES(float);
  hn::Vec<D> acc[8];
  TRINITY_UNROLL for (int i = 0; i < 8; ++i) acc[i] = hn::Zero(d);
  for (int64_t at = 0; at < size; at += 8 * kLanes) {
    for (int64_t line = 0; line < 8 * kLanes; line += 16) hwy::Prefetch(data + at + 1024 + line);
    TRINITY_UNROLL for (int i = 0; i < 8; ++i) {
      acc[i] = hn::Add(acc[i], hn::LoadU(d, data + at + i * kLanes));
    }
  }
  for (int i = 1; i < 8; ++i) acc[0] = hn::Add(acc[0], acc[i]);
  return hn::GetLane(hn::SumOfLanes(d, acc[0]));
}

// `rounds` times kChains fused multiply-adds; returns the operations done through `ops`.
float MultiplyAddOnTarget(int64_t rounds, int64_t* ops) {
  using D = hn::ScalableTag<float>;
  const D d;
  constexpr int kChains = 12;
  hn::Vec<D> acc[kChains];
  // Different beginnings, or the compiler keeps one chain for all.
  TRINITY_UNROLL for (int i = 0; i < kChains; ++i) { acc[i] = hn::Set(d, static_cast<float>(i)); }
  const auto a = hn::Set(d, 0.999F);
  const auto b = hn::Set(d, 0.001F);
  for (int64_t round = 0; round < rounds; ++round) {
    TRINITY_UNROLL for (int i = 0; i < kChains; ++i) acc[i] = hn::MulAdd(acc[i], a, b);
  }
  for (int i = 1; i < kChains; ++i) acc[0] = hn::Add(acc[0], acc[i]);
  *ops = rounds * kChains * 2 * HWY_LANES(float);
  return hn::GetLane(hn::SumOfLanes(d, acc[0]));
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(ReadOnTarget);
HWY_EXPORT(MultiplyAddOnTarget);

constexpr int kTries = 7;

// Processor time of this thread, as the benchmarks count it too: others may share the core.
double ThreadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double MeasureRead() {
  constexpr int64_t kFloats = 64 << 20;
  MemoryBlock block = MemoryBlock(kFloats * static_cast<int64_t>(sizeof(float)));
  auto* floats = reinterpret_cast<float*>(block.data());
  std::fill_n(floats, kFloats, 1.0F);
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    const double begin = ThreadSeconds();
    benchmark::DoNotOptimize(HWY_DYNAMIC_DISPATCH(ReadOnTarget)(floats, kFloats));
    best = std::max(best, static_cast<double>(kFloats) * sizeof(float) / (ThreadSeconds() - begin));
  }
  return best;
}

double MeasureMultiplyAdd() {
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    int64_t ops = 0;
    const double begin = ThreadSeconds();
    benchmark::DoNotOptimize(HWY_DYNAMIC_DISPATCH(MultiplyAddOnTarget)(10'000'000, &ops));
    best = std::max(best, static_cast<double>(ops) / (ThreadSeconds() - begin));
  }
  return best;
}

void BM_CoreRoof(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(CoreReadBytesPerSecond());
  state.counters["read_GB/s"] = CoreReadBytesPerSecond() / 1e9;
  state.counters["fma_GFLOP/s"] = CoreFloatOpsPerSecond() / 1e9;
}
BENCHMARK(BM_CoreRoof)->Iterations(1);

}  // namespace

double CoreReadBytesPerSecond() {
  static const double value = MeasureRead();
  return value;
}

double CoreFloatOpsPerSecond() {
  static const double value = MeasureMultiplyAdd();
  return value;
}

}  // namespace trinity
#endif  // HWY_ONCE

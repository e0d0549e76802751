#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/memory_block.h"
#include "benchmarks/kernels/core_roof.h"

namespace trinity {
namespace {

constexpr int kTries = 7;

// Processor time of this thread, as the benchmarks count it too: others may share the core.
double ThreadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double MeasureRead() {
  constexpr int64_t kBytes = 256 << 20;
  MemoryBlock block(kBytes);
  std::memset(block.data(), 1, kBytes);
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    for (const ReadAhead read_ahead : {ReadAhead::kNone, ReadAhead::kPrefetch}) {
      const double begin = ThreadSeconds();
      ReadMemory(block.data(), kBytes, read_ahead);
      best = std::max(best, static_cast<double>(kBytes) / (ThreadSeconds() - begin));
    }
  }
  return best;
}

double MeasureArithmetic(Arithmetic arithmetic) {
  if (InstructionOf(arithmetic).empty()) return MeasureArithmetic(Arithmetic::kF32);
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    const double begin = ThreadSeconds();
    const int64_t ops = RunArithmetic(arithmetic, 2'000'000'000);
    best = std::max(best, static_cast<double>(ops) / (ThreadSeconds() - begin));
  }
  return best;
}

void BM_CoreRead(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(CoreReadBytesPerSecond());
  state.counters["GB/s"] = CoreReadBytesPerSecond() / 1e9;
}
BENCHMARK(BM_CoreRead)->Iterations(1);

void BM_CoreArithmetic(benchmark::State& state) {
  const auto arithmetic = static_cast<Arithmetic>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(CoreOpsPerSecond(arithmetic));
  state.SetLabel(std::string(NameOf(arithmetic)) + " " + std::string(InstructionOf(arithmetic)));
  state.counters["GOP/s"] = CoreOpsPerSecond(arithmetic) / 1e9;
}
BENCHMARK(BM_CoreArithmetic)->DenseRange(0, kNumArithmetics - 1)->Iterations(1);

}  // namespace

double CoreReadBytesPerSecond() {
  static const double value = MeasureRead();
  return value;
}

double CoreOpsPerSecond(Arithmetic arithmetic) {
  static std::array<double, kNumArithmetics> values = {};
  double& value = values[static_cast<size_t>(arithmetic)];
  if (value == 0) value = MeasureArithmetic(arithmetic);
  return value;
}

}  // namespace trinity

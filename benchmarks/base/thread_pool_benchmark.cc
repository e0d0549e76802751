#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/thread_pool.h"

namespace trinity {
namespace {

// Numbers that no two threads write side by side.
struct alignas(64) Cell {
  int64_t calls = 0;
};

// The price of a parallel region: items that do next to nothing, one region after the other, as in
// a token's pass through the layers.
void BM_ParallelFor(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  std::array<Cell, 64> cells;
  for (auto _ : state) {
    pool.ParallelFor(state.range(1), [&](int64_t, int thread) {
      benchmark::DoNotOptimize(++cells[static_cast<size_t>(thread)].calls);
    });
  }
  int64_t by_workers = 0;
  for (size_t thread = 1; thread < cells.size(); ++thread) by_workers += cells[thread].calls;
  state.counters["of_workers"] =
      static_cast<double>(by_workers) / static_cast<double>(state.iterations() * state.range(1));
}
BENCHMARK(BM_ParallelFor)
    ->ArgNames({"threads", "items"})
    ->ArgsProduct({{1, 2}, {2, 16, 256}})
    ->UseRealTime();

void Wait(std::chrono::microseconds time) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + time;
  while (Clock::now() < until) benchmark::ClobberMemory();
}

// Two items of which each takes a few microseconds: what is lost against half of the work.
void BM_ParallelForOfTwoWaits(benchmark::State& state) {
  ThreadPool pool(2);
  for (auto _ : state) {
    pool.ParallelFor(2, [&](int64_t, int) { Wait(std::chrono::microseconds(5)); });
  }
}
BENCHMARK(BM_ParallelForOfTwoWaits)->UseRealTime();

// The same, of 100 microseconds each, after a pause in which the workers may have gone to sleep.
void BM_ParallelForAfterPause(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  const auto pause = std::chrono::microseconds(state.range(0));
  ThreadPool pool(2);
  for (auto _ : state) {
    std::this_thread::sleep_for(pause);
    const auto begin = Clock::now();
    pool.ParallelFor(2, [&](int64_t, int) { Wait(std::chrono::microseconds(100)); });
    state.SetIterationTime(std::chrono::duration<double>(Clock::now() - begin).count());
  }
}
BENCHMARK(BM_ParallelForAfterPause)->ArgName("pause_us")->Arg(20)->Arg(2000)->UseManualTime();

}  // namespace
}  // namespace trinity

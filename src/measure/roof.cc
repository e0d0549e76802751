#include "measure/roof.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "base/memory_block.h"
#include "measure/machine.h"

namespace trinity {
namespace {

constexpr int64_t kReadSetBytes = int64_t{1} << 30;
constexpr int64_t kReadItemBytes = 4 << 20;
constexpr int kTries = 4;

double SecondsOf(const auto& function) {
  const auto start = std::chrono::steady_clock::now();
  function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Reads the first `num_bytes` of the block with all threads; returns bytes a second.
double ReadOnce(const MemoryBlock& block, int64_t num_bytes, ReadAhead read_ahead,
                ThreadPool& pool) {
  const int64_t num_items = (num_bytes + kReadItemBytes - 1) / kReadItemBytes;
  const double seconds = SecondsOf([&] {
    pool.ParallelFor(num_items, [&](int64_t item, int) {
      const int64_t first = item * kReadItemBytes;
      ReadMemory(block.data() + first, std::min(kReadItemBytes, num_bytes - first), read_ahead);
    });
  });
  return static_cast<double>(num_bytes) / seconds;
}

double BestRead(const MemoryBlock& block, int64_t num_bytes, ThreadPool& pool) {
  double best = 0;
  for (int i = 0; i < kTries; ++i) {
    for (const ReadAhead read_ahead : {ReadAhead::kNone, ReadAhead::kPrefetch}) {
      best = std::max(best, ReadOnce(block, num_bytes, read_ahead, pool));
    }
  }
  return best;
}

int64_t InUnits(int64_t num_bytes) { return num_bytes / kReadUnitBytes * kReadUnitBytes; }

}  // namespace

double Roof::OpsPerSecond(Arithmetic arithmetic) const {
  const double ops = ops_per_s[static_cast<size_t>(arithmetic)];
  return arithmetic == Arithmetic::kBF16 ? std::max(ops, OpsPerSecond(Arithmetic::kF32)) : ops;
}

RoofMeter::RoofMeter(ThreadPool& pool, int64_t data_bytes)
    : pool_(pool), data_bytes_(InUnits(data_bytes)) {}

void RoofMeter::Measure() {
  MeasureReading();
  for (int i = 0; i < kNumArithmetics; ++i) MeasureArithmetic(static_cast<Arithmetic>(i));
}

void RoofMeter::MeasureReading() {
  if (roof_.read_set_bytes == 0) {
    const int64_t available = DescribeMachine().available_bytes;
    const bool fits = available <= 0 || available >= 2 * kReadSetBytes;
    roof_.read_set_bytes = fits ? kReadSetBytes : std::max(kReadItemBytes, InUnits(available / 2));
  }
  MemoryBlock block(roof_.read_set_bytes);
  block.PreferHugePages(block.num_bytes());
  // Each page by the thread that comes first, as the weights' pages are.
  pool_.ParallelFor(roof_.read_set_bytes / kReadItemBytes, [&](int64_t item, int) {
    std::memset(block.data() + item * kReadItemBytes, 1, kReadItemBytes);
  });
  roof_.read_bytes_per_s =
      std::max(roof_.read_bytes_per_s, BestRead(block, roof_.read_set_bytes, pool_));
  if (data_bytes_ > 0 && data_bytes_ < roof_.read_set_bytes) {
    roof_.small_set_bytes_per_s =
        std::max(roof_.small_set_bytes_per_s, BestRead(block, data_bytes_, pool_));
  }
}

void RoofMeter::MeasureArithmetic(Arithmetic arithmetic) {
  if (InstructionOf(arithmetic).empty()) return;
  double& best = roof_.ops_per_s[static_cast<size_t>(arithmetic)];
  // Short items, so that a thread which the system takes away holds up little.
  constexpr int64_t kItemOps = 100'000'000;
  constexpr int64_t kItemsPerThread = 32;
  for (int i = 0; i < kTries; ++i) {
    std::atomic<int64_t> num_ops{0};
    const double seconds = SecondsOf([&] {
      pool_.ParallelFor(kItemsPerThread * pool_.num_threads(), [&](int64_t, int) {
        num_ops.fetch_add(RunArithmetic(arithmetic, kItemOps), std::memory_order_relaxed);
      });
    });
    best = std::max(best, static_cast<double>(num_ops.load()) / seconds);
  }
}

}  // namespace trinity

#include "base/thread_pool.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "base/check.h"

namespace trinity {
namespace {

constexpr auto kSpin = std::chrono::microseconds(50);

constexpr uint64_t kOneInside = 1;
constexpr uint64_t kInsideMask = 0xFFFF;
constexpr uint64_t kOpen = 0x10000;
constexpr uint64_t kOneGeneration = 0x20000;

uint64_t GenerationOf(uint64_t gate) { return gate / kOneGeneration; }

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// CPUs that the cgroup's quota amounts to, rounded up; a large number where there is no quota.
int CgroupCpus() {
  constexpr int kNoQuota = 1 << 20;
  double quota = 0, period = 0;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2 >> quota >> period && period > 0) {
    return std::max(1, static_cast<int>((quota + period - 1) / period));
  }
  std::ifstream quota_v1("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_v1("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota_v1 >> quota && period_v1 >> period && quota > 0 && period > 0) {
    return std::max(1, static_cast<int>((quota + period - 1) / period));
  }
  return kNoQuota;
}

// The (package, core) that a logical CPU belongs to; CPUs that share one are hyper-threads.
std::pair<int, int> PhysicalCoreOf(int cpu) {
  const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
  int package = 0, core = cpu;
  std::ifstream(folder + "physical_package_id") >> package;
  if (!(std::ifstream(folder + "core_id") >> core)) core = cpu;
  return {package, core};
}

}  // namespace

int ThreadPool::DefaultNumThreads() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    return static_cast<int>(std::max<long>(1, sysconf(_SC_NPROCESSORS_ONLN)));
  }
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cores.insert(PhysicalCoreOf(cpu));
  }
  return std::clamp(static_cast<int>(cores.size()), 1, CgroupCpus());
}

ThreadPool::ThreadPool(int num_threads) {
  TRINITY_CHECK(num_threads >= 1);
  for (int thread = 1; thread < num_threads; ++thread) {
    workers_.emplace_back([this, thread] { Work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int64_t count, Call call, void* function) {
  if (count <= 0) return;
  if (workers_.empty() || count == 1) {
    for (int64_t i = 0; i < count; ++i) call(function, i, 0);
    return;
  }
  call_ = call;
  function_ = function;
  count_ = count;
  next_.store(0, std::memory_order_relaxed);
  gate_.fetch_add(kOneGeneration + kOpen);  // in one order with num_asleep_: no wake-up is lost
  if (num_asleep_.load() > 0) {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  TakeItems(0);
  gate_.fetch_sub(kOpen);
  for (int spins = 0; (gate_.load(std::memory_order_acquire) & kInsideMask) != 0; ++spins) {
    constexpr int kSpinsBeforeYield = 2000;
    spins < kSpinsBeforeYield ? Pause() : std::this_thread::yield();
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::TakeItems(int thread) {
  try {
    while (true) {
      const int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= count_) return;
      call_(function_, index, thread);
    }
  } catch (...) {
    next_.store(count_, std::memory_order_relaxed);
    const std::lock_guard lock(failure_mutex_);
    failure_ = std::current_exception();
  }
}

void ThreadPool::Work(int thread) {
  uint64_t seen = 0;
  while (true) {
    uint64_t gate = AwaitLoop(seen);
    if (stop_) return;
    if (!gate_.compare_exchange_weak(gate, gate + kOneInside)) continue;
    seen = GenerationOf(gate);
    TakeItems(thread);
    gate_.fetch_sub(kOneInside, std::memory_order_release);
  }
}

uint64_t ThreadPool::AwaitLoop(uint64_t seen) {
  uint64_t gate = 0;
  const auto has_loop = [&] {
    gate = gate_.load();
    return stop_ || ((gate & kOpen) != 0 && GenerationOf(gate) != seen);
  };
  const auto until = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (has_loop()) return gate;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < until);
  std::unique_lock lock(mutex_);
  num_asleep_.fetch_add(1);
  wake_.wait(lock, has_loop);
  num_asleep_.fetch_sub(1);
  return gate;
}

}  // namespace trinity

#include "base/thread_pool.h"

#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/usable_cores.h"

namespace trinity {
namespace {

// Covers what happens between two tokens; waking a sleeper takes some tens of microseconds.
constexpr auto kSpin = std::chrono::microseconds(200);

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

int ThreadPool::DefaultNumThreads() { return NumUsableCores(); }

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
  num_done_.store(0, std::memory_order_relaxed);
  num_left_.store(count);  // in one order with num_asleep_: no wake-up is lost
  if (num_asleep_.load() > 0) {
    const std::lock_guard lock(mutex_);
    wake_.notify_all();
  }
  TakeItems(0);
  for (int spins = 0; num_done_.load(std::memory_order_acquire) != count; ++spins) {
    constexpr int kSpinsBeforeYield = 2000;
    spins < kSpinsBeforeYield ? Pause() : std::this_thread::yield();
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::TakeItems(int thread) {
  int64_t num_taken = 0;
  int64_t left = num_left_.load(std::memory_order_relaxed);
  while (left > 0) {
    // Who has taken an item keeps the loop from ending: what it reads of the loop stays.
    if (!num_left_.compare_exchange_weak(left, left - 1, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      continue;
    }
    ++num_taken;
    try {
      call_(function_, count_ - left, thread);
    } catch (...) {
      {
        const std::lock_guard lock(failure_mutex_);
        failure_ = std::current_exception();
      }
      num_taken += num_left_.exchange(0);
    }
    left = num_left_.load(std::memory_order_relaxed);
  }
  if (num_taken > 0) num_done_.fetch_add(num_taken, std::memory_order_release);
}

void ThreadPool::Work(int thread) {
  while (AwaitLoop()) TakeItems(thread);
}

bool ThreadPool::AwaitLoop() {
  const auto is_over = [&] { return stop_ || num_left_.load() > 0; };
  const auto until = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (is_over()) return !stop_;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < until);
  std::unique_lock lock(mutex_);
  num_asleep_.fetch_add(1);
  wake_.wait(lock, is_over);
  num_asleep_.fetch_sub(1);
  return !stop_;
}

}  // namespace trinity

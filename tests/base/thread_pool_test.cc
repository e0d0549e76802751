#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace trinity {
namespace {

TEST(ThreadPool, CallsEachIndexOnceInEveryOfManyLoops) {
  for (const int num_threads : {1, 2, 4, 7}) {
    ThreadPool pool(num_threads);
    for (int loop = 0; loop < 500; ++loop) {
      const int64_t count = loop % 23;
      std::vector<int> calls(static_cast<size_t>(count), 0);
      pool.ParallelFor(count, [&](int64_t i, int thread) {
        ASSERT_LT(thread, pool.num_threads());
        ++calls[static_cast<size_t>(i)];
      });
      EXPECT_EQ(calls, std::vector<int>(static_cast<size_t>(count), 1));
    }
  }
}

TEST(ThreadPool, WakesSleepingWorkers) {
  ThreadPool pool(3);
  for (int loop = 0; loop < 5; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> sum{0};
    pool.ParallelFor(100, [&](int64_t i, int) { sum += static_cast<int>(i); });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ThreadPool, ThrowsWhatAnItemThrewAndGoesOnWorking) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.ParallelFor(100,
                                [](int64_t i, int) {
                                  if (i == 42) throw std::runtime_error("42");
                                }),
               std::runtime_error);
  std::atomic<int> calls{0};
  pool.ParallelFor(10, [&](int64_t, int) { ++calls; });
  EXPECT_EQ(calls, 10);
}

// One item holds its thread up until the other thread has done all the rest.
TEST(ThreadPool, AThreadThatIsHeldUpHoldsUpOnlyItsItem) {
  ThreadPool pool(2);
  for (int loop = 0; loop < 50; ++loop) {
    std::atomic<int> num_done{0};
    pool.ParallelFor(20, [&](int64_t i, int) {
      if (i == 0) {
        while (num_done < 19) std::this_thread::yield();
      }
      ++num_done;
    });
    EXPECT_EQ(num_done, 20);
  }
}

}  // namespace
}  // namespace trinity

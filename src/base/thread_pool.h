#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace trinity {

// Threads that live as long as the pool and run one parallel loop at a time.
//
// Items are taken one by one from a shared counter, so a thread that the system takes away holds up
// only its current item. Between loops the workers spin for a fraction of a millisecond, then
// sleep. The caller works too: a pool of one thread has no workers and runs everything in place.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads = DefaultNumThreads());
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls function(index, thread_index) once for each index in [0, count), in no order, and returns
  // when all calls have. thread_index is in [0, num_threads()). If a call throws, no further items
  // are begun and one of the exceptions is thrown here. Not reentrant; one caller at a time.
  template <typename Function>
  void ParallelFor(int64_t count, Function&& function) {
    using F = std::remove_reference_t<Function>;
    Run(
        count, [](void* f, int64_t index, int thread) { (*static_cast<F*>(f))(index, thread); },
        const_cast<void*>(static_cast<const void*>(&function)));
  }

  // NumUsableCores().
  static int DefaultNumThreads();

 private:
  using Call = void (*)(void* function, int64_t index, int thread);

  void Run(int64_t count, Call call, void* function);
  void Work(int thread);
  void TakeItems(int thread);
  // Waits for a loop with items left; false when stopped.
  bool AwaitLoop();

  std::vector<std::thread> workers_;

  // One loop. Written by the caller while no item of it is left: whoever takes an item may read
  // them until it has counted the item as done.
  Call call_ = nullptr;
  void* function_ = nullptr;
  int64_t count_ = 0;
  // The caller waits until all items are done, not until the workers have looked: a worker that the
  // system does not run holds up nobody unless it has an item.
  alignas(64) std::atomic<int64_t> num_left_{0};  // items that nobody has taken
  alignas(64) std::atomic<int64_t> num_done_{0};
  alignas(64) std::atomic<int> num_asleep_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace trinity

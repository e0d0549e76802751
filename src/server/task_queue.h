#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace trinity {

// A few threads that run tasks in the order in which they came: what takes too long for the thread
// of the connections and does not belong on that of the engine. JSON, templates, tokenizing.
class TaskQueue {
 public:
  explicit TaskQueue(int num_threads);
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;
  ~TaskQueue();  // after the tasks that were posted

  // Tasks must not throw.
  void Post(std::function<void()> task);
  // Tasks that nobody has begun.
  size_t num_waiting() const;

 private:
  void Run();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace trinity

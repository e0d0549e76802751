#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/single_rank.h"

namespace trinity {

// Ranks that are threads of one process and meet in its memory. Several processes, as many threads
// in each, are one group: rank 0 of the processes has the first ranks, and so on.
class ThreadRanks {
 public:
  // `processes`: the group of processes that this one belongs to, used by thread 0 alone; it must
  // outlive this.
  explicit ThreadRanks(int num_threads, Communicator& processes = SingleRank::Shared());
  ThreadRanks(const ThreadRanks&) = delete;
  ThreadRanks& operator=(const ThreadRanks&) = delete;
  ~ThreadRanks();

  // Of one thread of this process, 0 to num_threads - 1; no longer than this lives.
  Communicator& Of(int thread);

  // Why the group is at its end; absent: it is not.
  std::optional<std::string> loss() const;
  // After a loss: waits for a thread to hear of it, which it does in the operation that it is in or
  // comes to next; false where it has not after `patience`.
  bool AwaitHeard(int thread, std::chrono::milliseconds patience);

 private:
  class Member;

  // What a thread shows the others between two meetings.
  struct Shown {
    std::byte* data = nullptr;
    size_t size = 0;
  };

  // Returns when all threads have called it as often as this one. Throws RankLost.
  void Meet(int thread, Patience patience);
  void Lose(int thread, std::string message);
  // The thread knows of the loss; the mutex is held.
  void MarkHeard(int thread);

  const int num_threads_;
  Communicator& processes_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<Shown> shown_;         // written by its thread before a meeting, read by all after it
  std::vector<std::byte> gathered_;  // by thread 0, for the other processes

  mutable std::mutex mutex_;
  std::condition_variable all_came_;
  std::condition_variable was_heard_;
  std::vector<int64_t> num_meetings_;  // that each thread has come to
  std::optional<std::string> lost_;    // why the group is at its end
  std::vector<bool> has_heard_;        // of that, by thread
};

}  // namespace trinity

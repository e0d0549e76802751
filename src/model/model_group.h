#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"
#include "model/rank_task.h"
#include "parallel/thread_ranks.h"

namespace trinity {

// A model of which each rank of `options.grid` holds a part: threads of this process, or of several
// processes that have as many each. A rank has a thread pool of its own.
class ModelGroup {
 public:
  // Loads the parts of this process side by side. The checkpoint is read by then, but for experts
  // that stay in files: it must then outlive the group. All of `processes` make one, each opening
  // its checkpoint; they must outlive it. `tasks`: of FollowLeader. Throws Error.
  ModelGroup(const Checkpoint& checkpoint, int threads_per_rank, const LoadOptions& options,
             Communicator& processes = SingleRank::Shared(), RankTasks tasks = {});
  ModelGroup(const ModelGroup&) = delete;
  ModelGroup& operator=(const ModelGroup&) = delete;
  // Waits for the other ranks. After a loss that is bounded, as in hung_rank.h.
  ~ModelGroup();

  // Of rank 0, to be used by the thread that made the group; on the first process only.
  Model& leader() { return *own_; }

  // On the other processes: computes what rank 0 does until that ends. Throws RankLost.
  void Follow();

 private:
  void FollowOnThread(const Checkpoint& checkpoint, int thread, int num_threads,
                      const LoadOptions& options);
  void JoinFollowers();
  // Throws RankLost where a rank is lost: what takes long, as loading does, asks now and then.
  void ThrowLoss() const;
  // Ends the process where a rank does not hear that another is lost.
  void EndUnlessHeard(int thread, std::chrono::milliseconds patience);

  const RankTasks tasks_;
  ThreadRanks ranks_;
  const std::chrono::milliseconds last_patience_;
  ThreadPool pool_;  // of the rank of the thread that made the group
  std::vector<std::thread> followers_;
  std::unique_ptr<Model> own_;  // of that rank
};

}  // namespace trinity

#include "model/model_group.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "model/follower.h"
#include "model/rank_steps.h"
#include "parallel/hung_rank.h"
#include "parallel/rank_lost.h"

namespace trinity {
namespace {

// The other ranks hear of a failure to load from Model::Load, or else from here.
std::unique_ptr<Model> LoadPart(const Checkpoint& checkpoint, ThreadPool& pool,
                                const LoadOptions& options, Communicator& own) {
  try {
    return Model::Load(checkpoint, pool, options, own);
  } catch (const RankLost& lost) {
    own.GiveUp(lost.what());
    throw;
  } catch (const Error&) {  // all have agreed on it
    throw;
  } catch (const std::exception& error) {
    own.GiveUp(error.what());
    throw;
  }
}

void FollowOrGiveUp(const Model& model, const RankTasks& tasks) {
  try {
    FollowLeader(model, tasks);
  } catch (const std::exception& error) {
    model.ranks().GiveUp(error.what());
    throw;
  }
}

}  // namespace

ModelGroup::ModelGroup(const Checkpoint& checkpoint, int threads_per_rank,
                       const LoadOptions& options, Communicator& processes, RankTasks tasks)
    : tasks_(std::move(tasks)),
      ranks_(options.grid.num_ranks / processes.size(), processes),
      last_patience_(options.rank_patience.value_or(*kDefaultPatience)),
      pool_(threads_per_rank) {
  processes.set_patience(options.rank_patience);
  for (int thread = 1; thread < options.grid.num_ranks / processes.size(); ++thread) {
    LoadOptions quiet = options;
    quiet.on_progress = [this](const LoadProgress&) { ThrowLoss(); };
    followers_.emplace_back([this, &checkpoint, thread, threads_per_rank, quiet] {
      FollowOnThread(checkpoint, thread, threads_per_rank, quiet);
    });
  }
  try {
    LoadOptions own_options = options;
    own_options.on_progress = [this, &options](const LoadProgress& progress) {
      ThrowLoss();
      if (options.on_progress) options.on_progress(progress);
    };
    own_ = LoadPart(checkpoint, pool_, own_options, ranks_.Of(0));
  } catch (const std::exception&) {
    JoinFollowers();
    throw;
  }
}

ModelGroup::~ModelGroup() {
  Communicator& own = ranks_.Of(0);
  try {
    if (own.is_leader()) AnnounceEnd(own);
  } catch (const RankLost& lost) {  // whoever used the model has heard of it
    own.GiveUp(lost.what());
  }
  JoinFollowers();
}

void ModelGroup::Follow() { FollowOrGiveUp(*own_, tasks_); }

void ModelGroup::FollowOnThread(const Checkpoint& checkpoint, int thread, int num_threads,
                                const LoadOptions& options) {
  try {
    ThreadPool pool(num_threads);
    FollowOrGiveUp(*LoadPart(checkpoint, pool, options, ranks_.Of(thread)), tasks_);
  } catch (const std::exception&) {  // rank 0 hears of it, and says it
    if (ranks_.loss()) EndUnlessHeard(0, last_patience_);
  }
}

void ModelGroup::EndUnlessHeard(int thread, std::chrono::milliseconds patience) {
  if (ranks_.AwaitHeard(thread, patience)) return;
  EndWithoutHungRank(ranks_.Of(thread).rank(), *ranks_.loss(), last_patience_);
}

void ModelGroup::ThrowLoss() const {
  if (const std::optional<std::string> loss = ranks_.loss()) throw RankLost(*loss);
}

void ModelGroup::JoinFollowers() {
  if (ranks_.loss()) {
    const auto end = std::chrono::steady_clock::now() + last_patience_;
    for (size_t i = 0; i < followers_.size(); ++i) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          end - std::chrono::steady_clock::now());
      EndUnlessHeard(static_cast<int>(i) + 1, std::max(left, std::chrono::milliseconds(0)));
    }
  }
  for (std::thread& follower : followers_) follower.join();
}

}  // namespace trinity

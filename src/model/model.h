#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "model/activations.h"
#include "model/block.h"
#include "model/config.h"
#include "model/rank_task.h"
#include "model/step.h"
#include "model/weights.h"
#include "parallel/communicator.h"
#include "parallel/single_rank.h"

namespace trinity {

// An AFMoE model (Arcee Trinity): weights and the forward pass. Holds no state of a sequence, so
// one model serves many; one Forward at a time.
//
// Several ranks hold a part of the weights each and compute a step together. Rank 0 leads: whoever
// has its model uses it as if there were one rank, and the others do what it does (FollowLeader in
// model/follower.h).
class Model {
 public:
  // Reads config and weights. The pool must outlive the model, and so must the checkpoint where
  // experts stay in files (LoadOptions::expert_cache_bytes). Throws Error.
  static std::unique_ptr<Model> Load(const Checkpoint& checkpoint, ThreadPool& pool,
                                     const LoadOptions& options = {});

  // The same for one rank of several, each of which calls it; the group must outlive the model.
  // Throws Error on all ranks where one of them fails or has loaded something else.
  static std::unique_ptr<Model> Load(const Checkpoint& checkpoint, ThreadPool& pool,
                                     LoadOptions options, Communicator& ranks);

  Model(Config config, std::vector<LayerPlan> plans, Weights weights, ThreadPool& pool,
        Communicator& ranks = SingleRank::Shared());
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Computes all rows of `step` and appends their keys and values to the caches. `a.logits` then
  // holds [step.logit_rows(), vocab_size], on rank 0. Nothing that the files or the user gave can
  // be wrong any more: token ids are below vocab_size (a TRINITY_CHECK). Throws StorageError where
  // experts stay in files and cannot be read: then nothing of the step has been appended, and the
  // next may be computed once its caches have gone. On several ranks that, too, is RankLost, after
  // which they are of no use.
  void Forward(const Step& step, Activations& a) const;

  // The same for training: block i fills kept[i], which a backward pass then reads, instead of a
  // buffer that all blocks share; `last` takes what comes after the blocks. Called on every rank,
  // with caches of its own; its logits are those of its part of the vocabulary. All experts must be
  // in memory.
  void ForwardKeeping(const Step& step, std::span<Activations> kept, Activations& last) const;

  // On rank 0 of several: has the others begin a task, with their caches as this rank's are now.
  // Throws RankLost.
  void SendTask(RankTaskKind kind, std::span<const int64_t> words) const;

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  // Bytes of weights in memory of each rank, as that rank has counted them, on rank 0; on others of
  // this one alone.
  const std::vector<int64_t>& rank_weight_bytes() const { return rank_weight_bytes_; }
  const std::vector<LayerPlan>& plans() const { return plans_; }
  ThreadPool& pool() const { return pool_; }
  Communicator& ranks() const { return ranks_; }
  // What steps have asked for of experts that stay in files; nothing where all are in memory.
  std::optional<ExpertTraffic> expert_traffic() const {
    if (!weights_.expert_store) return std::nullopt;
    return weights_.expert_store->traffic();
  }
  // Of the caches that Forward takes.
  KvShape kv_shape() const { return {config_, weights_.slice.kv_heads.size(), journal_.get()}; }

 private:
  void GatherWeightBytes();
  void Embed(const Step& step, Matrix& stream) const;
  void ComputeLogits(const Step& step, Activations& a) const;

  Config config_;
  std::vector<LayerPlan> plans_;
  Weights weights_;
  std::vector<int64_t> rank_weight_bytes_;
  std::vector<Block> blocks_;
  ThreadPool& pool_;
  Communicator& ranks_;
  std::unique_ptr<KvJournal> journal_;  // where this rank leads others
};

}  // namespace trinity

#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "model/attention.h"
#include "model/feed_forward.h"
#include "parallel/communicator.h"

namespace trinity {

// One layer: block_input -> block_output. Each branch is normed before and after, then added to the
// stream.
class Block {
 public:
  // What this rank holds of all layers, and the ranks that it sums with.
  struct Rank {
    const RankSlice& slice;
    Communicator& group;
  };

  Block(const Config& config, const Rank& rank, const LayerPlan& plan, const LayerWeights& weights,
        int64_t layer_of_kind, ThreadPool& pool);

  void Forward(const Step& step, Activations& a) const;

 private:
  void SumOverRanks(Matrix& branch) const;
  void NormRows(const Matrix& input, const Norm& norm, Matrix& output) const;
  void AddRows(const Matrix& stream, const Matrix& branch, Matrix& output) const;

  const LayerWeights& weights_;
  Attention attention_;
  std::unique_ptr<FeedForward> feed_forward_;
  ThreadPool& pool_;
  Communicator& group_;
};

}  // namespace trinity

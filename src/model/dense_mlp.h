#pragma once

#include "base/thread_pool.h"
#include "model/feed_forward.h"
#include "model/weights.h"

namespace trinity {

// One SwiGLU for all rows: the first num_dense_layers layers.
class DenseMlp final : public FeedForward {
 public:
  DenseMlp(const MlpWeights& weights, ThreadPool& pool) : weights_(weights), pool_(pool) {}

  void Forward(Activations& a) const override;

 private:
  const MlpWeights& weights_;
  ThreadPool& pool_;
};

}  // namespace trinity

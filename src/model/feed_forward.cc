#include "model/feed_forward.h"

#include "model/dense_mlp.h"
#include "model/moe.h"

namespace trinity {

std::unique_ptr<FeedForward> MakeFeedForward(const Config& config, const LayerWeights& weights,
                                             ThreadPool& pool) {
  if (weights.dense) return std::make_unique<DenseMlp>(*weights.dense, pool);
  return std::make_unique<Moe>(config, *weights.moe, pool);
}

}  // namespace trinity

#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/weights.h"

namespace trinity {

// The second half of a block: mlp_input -> mlp_output.
class FeedForward {
 public:
  virtual ~FeedForward() = default;
  virtual void Forward(Activations& a) const = 0;
};

// The kind that the layer's weights hold.
std::unique_ptr<FeedForward> MakeFeedForward(const Config& config, const LayerWeights& weights,
                                             ThreadPool& pool);

}  // namespace trinity

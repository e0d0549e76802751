#pragma once

#include "base/thread_pool.h"
#include "model/feed_forward.h"
#include "model/router.h"
#include "model/weights.h"

namespace trinity {

// Mixture of experts: routed experts, each with the rows that chose it, and the shared experts with
// all rows.
//
// The routing weight is folded into an expert's hidden row, so that an output is one long sum: over
// the row's experts in ascending order, then the shared experts. No thread adds to another's
// output.
class Moe final : public FeedForward {
 public:
  Moe(const Config& config, const MoeWeights& weights, ThreadPool& pool);

  void Forward(Activations& a) const override;

 private:
  void GateAndUp(Activations& a) const;
  void Down(Activations& a) const;
  void DownPanels(int64_t first_panel, int64_t num_panels, Activations& a) const;

  const Config& config_;
  const MoeWeights& weights_;
  Router router_;
  PreparedRows::Forms input_forms_;  // of all experts
  PreparedRows::Forms down_forms_;
  ThreadPool& pool_;
};

}  // namespace trinity

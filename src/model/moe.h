#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "model/feed_forward.h"
#include "model/hidden_rows.h"
#include "model/router.h"
#include "model/weights.h"

namespace trinity {

// Mixture of experts: routed experts, each with the rows that chose it, and the shared experts with
// all rows.
//
// The routing weight is folded into an expert's hidden row, so that an output is one long sum: over
// the row's experts in ascending order, then the shared experts. No thread adds to another's
// output.
//
// Where experts stay in files and there is not room for all that were chosen, they come into memory
// and are used in batches, in the same order.
class Moe final : public FeedForward {
 public:
  Moe(const Config& config, const MoeWeights& weights, ThreadPool& pool);

  void Forward(Activations& a) const override;

 private:
  // Experts that are in memory at the same time.
  struct Batch {
    std::span<const int32_t> experts;
    bool is_first;
    bool is_last;
  };

  void GateAndUp(const Batch& batch, Activations& a) const;
  void Down(const Batch& batch, Activations& a) const;
  void DownPanels(const Batch& batch, PanelRange panels, Activations& a) const;

  const Config& config_;
  const MoeWeights& weights_;
  int64_t expert_cols_ = 0;  // of moe_intermediate_size, in each expert that this rank holds
  Router router_;
  PreparedRows::Forms input_forms_;  // of all experts
  PreparedRows::Forms down_forms_;
  ThreadPool& pool_;
};

}  // namespace trinity

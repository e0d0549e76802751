#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/model.h"

namespace trinity {

// A token of one of the traced sequences.
struct TracedToken {
  int64_t sequence = 0;
  int64_t position = 0;
};

// What a trace tells, token by token; what is not wanted is left empty and not computed.
struct TraceObserver {
  // logits: [vocab_size]; of positions from TraceRequest::first_logit_position on.
  std::function<void(const TracedToken&, std::span<const float> logits)> on_logits;
  // hidden: [hidden_size]. index 0: embeddings after the muP factor; l: output of block l - 1;
  // num_hidden_layers: after the final norm.
  std::function<void(const TracedToken&, int64_t index, std::span<const float> hidden)> on_hidden;
  // experts: [num_experts_per_tok], best first. moe_layer counts the MoE layers only.
  std::function<void(const TracedToken&, int64_t moe_layer, std::span<const int32_t> experts)>
      on_experts;
};

struct TraceRequest {
  std::vector<std::span<const int32_t>> sequences;  // of equal length, at least 1; ids in range
  int64_t first_logit_position = 0;
  int64_t prefill_chunk = 512;  // tokens of each sequence that a step takes at most
  DType kv_dtype = DType::kF32;
};

// Computes all sequences from their beginning, side by side in the same steps, and calls `observer`
// from this thread. Logits of at most some 256 MB are held at a time.
void TraceForward(const Model& model, const TraceRequest& request, const TraceObserver& observer);

// Of how many tokens of each of the sequences a trace holds logits at a time.
int64_t MostTracedLogits(const Config& config, int64_t num_sequences);

}  // namespace trinity

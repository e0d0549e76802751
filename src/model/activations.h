#pragma once

#include <cstdint>
#include <vector>

#include "base/memory_block.h"
#include "kernels/attend.h"
#include "model/prepared_rows.h"

namespace trinity {

// A row on its way through one expert.
struct ExpertSlot {
  int32_t row;
  float weight;  // route_scale included
};

// What the router decided for the rows of a step.
struct Routing {
  Matrix logits;                      // [rows, num_experts]
  Matrix scores;                      // [rows, num_experts]
  std::vector<int32_t> experts;       // [rows, num_experts_per_tok], best first
  std::vector<float> expert_weights;  // [rows, num_experts_per_tok]
  // The same by expert: expert e owns slots [first_slot[e], first_slot[e + 1]), rows ascending.
  std::vector<ExpertSlot> slots;    // [rows * num_experts_per_tok]
  std::vector<int64_t> first_slot;  // [num_experts + 1]
  std::vector<int32_t> chosen;      // experts that own a slot, ascending
};

// A SwiGLU on its way: hidden = silu(gate) * up, times the routing weight in an expert.
struct MlpActivations {
  Matrix gate;                   // [rows or slots, intermediate]
  Matrix up;                     // [rows or slots, intermediate]
  Matrix hidden;                 // [rows or slots, intermediate]
  PreparedRows prepared_hidden;  // hidden as down_proj reads it
};

// Every buffer that a block fills, float32. Inference gives all layers the same one; training gives
// each layer its own and so keeps what the backward pass reads.
struct Activations {
  Matrix block_input;       // [rows, hidden_size], the residual stream
  Matrix attention_input;   // [rows, hidden_size]
  Matrix query;             // [rows, num_attention_heads, head_dim], normed and rotated
  Matrix key;               // [rows, num_key_value_heads, head_dim], normed and rotated
  Matrix value;             // [rows, num_key_value_heads, head_dim]
  Matrix attention_gate;    // [rows, num_attention_heads, head_dim]
  Matrix attended;          // [rows, num_attention_heads, head_dim], times sigmoid(attention_gate)
  Matrix attention_output;  // [rows, hidden_size]
  Matrix attention_branch;  // [rows, hidden_size], after the post norm
  Matrix middle;            // [rows, hidden_size], the stream between attention and mlp
  Matrix mlp_input;         // [rows, hidden_size]
  Routing routing;
  MlpActivations dense;
  MlpActivations experts;
  MlpActivations shared_experts;
  Matrix mlp_output;    // [rows, hidden_size]
  Matrix mlp_branch;    // [rows, hidden_size], after the post norm
  Matrix block_output;  // [rows, hidden_size]

  Matrix final_norm;   // [rows or logit rows, hidden_size]
  Matrix logits;       // [logit rows, vocab_size]
  Matrix logit_parts;  // of several ranks: [ranks][logit rows, part of the vocabulary]

  Matrix rope_cos;                         // [rows, head_dim / 2]
  Matrix rope_sin;                         // [rows, head_dim / 2]
  std::vector<AttentionPartial> partials;  // of long sequences: [tiles, blocks, queries of a tile]
  Matrix partial_values;                   // [partials, head_dim]
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_block.h"
#include "model/config.h"
#include "model/rank_slice.h"

namespace trinity {

// Gradients of a loss with respect to the weights of a model, float32, each of the shape of its
// weight; a norm's is one row. What model/weights.h has as PackedMatrix, [out, in]. A rank of
// several has those of the rows and columns that it holds, and matrices of no rows or columns for
// experts that it does not hold.

struct AttentionGradients {
  Matrix q_proj, k_proj, v_proj, gate_proj, o_proj;
  Matrix q_norm, k_norm;  // [1, head_dim]
};

struct MlpGradients {
  Matrix gate_proj, up_proj, down_proj;
};

// expert_bias has none: it takes part in the choice of experts only, which is not differentiable.
struct MoeGradients {
  Matrix router;                      // [num_experts, hidden_size]
  std::vector<MlpGradients> experts;  // [num_experts]
  std::optional<MlpGradients> shared_experts;
};

struct LayerGradients {
  Matrix input_layernorm, post_attention_layernorm, pre_mlp_layernorm, post_mlp_layernorm;
  AttentionGradients attention;
  std::optional<MlpGradients> dense;  // one of the two
  std::optional<MoeGradients> moe;
};

struct Gradients {
  // All zero: of a rank that holds this of the model, and of a whole model.
  Gradients(const Config& config, const RankSlice& slice);
  explicit Gradients(const Config& config) : Gradients(config, SliceOf(config, {}, 0)) {}

  Matrix embed_tokens;            // [vocab_size, hidden_size]; the head's too where it is tied
  std::optional<Matrix> lm_head;  // absent where tied
  Matrix norm;
  std::vector<LayerGradients> layers;

  // Calls visit with each gradient and its weight's name in a checkpoint, experts one by one.
  void ForEach(const std::function<void(const std::string& name, const Matrix&)>& visit) const;
  int64_t num_bytes() const;
};

}  // namespace trinity

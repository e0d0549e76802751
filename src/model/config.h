#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace trinity {

enum class AttentionKind { kSliding, kFull };
enum class FeedForwardKind { kDense, kMoe };
enum class ScoreFunction { kSigmoid, kSoftmax };

// What config.json says, under its own names. docs/configuration.md lists every field, what is
// accepted and what happens where it is missing.
struct Config {
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_dense_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t intermediate_size = 0;
  int64_t moe_intermediate_size = 0;
  int64_t num_experts = 0;
  int64_t num_experts_per_tok = 0;
  int64_t num_shared_experts = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  std::vector<AttentionKind> layer_types;  // [num_hidden_layers]
  std::optional<int64_t> sliding_window;   // there if any layer slides
  double rope_theta = 10000.0;
  float rms_norm_eps = 1e-5F;
  float route_scale = 0;
  ScoreFunction score_func = ScoreFunction::kSigmoid;
  bool route_norm = true;
  bool mup_enabled = false;
  bool tie_word_embeddings = false;
  std::optional<int32_t> bos_token_id;
  std::vector<int32_t> eos_token_ids;

  int64_t query_size() const { return num_attention_heads * head_dim; }
  int64_t key_value_size() const { return num_key_value_heads * head_dim; }
  int64_t shared_intermediate_size() const { return moe_intermediate_size * num_shared_experts; }
  int64_t num_layers_of(AttentionKind kind) const;

  // Checks every field. `origin` (the file) begins each message. Throws Error with origin, key,
  // what is accepted and what was found; a value that this program does not implement is refused.
  static Config FromJson(const Json& json, std::string_view origin);
};

// The facts of one layer that the forward pass reads.
struct LayerPlan {
  AttentionKind attention = AttentionKind::kFull;
  std::optional<int64_t> window;  // a query sees this many positions, itself included; absent: all
  bool uses_rope = false;         // sliding layers only; full layers have no positions
  FeedForwardKind feed_forward = FeedForwardKind::kDense;
};

// One plan a layer, in order.
std::vector<LayerPlan> PlanLayers(const Config& config);

std::string_view NameOf(AttentionKind kind);
std::string_view NameOf(FeedForwardKind kind);

}  // namespace trinity

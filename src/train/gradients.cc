#include "train/gradients.h"

#include <fmt/format.h>

#include "model/tensor_names.h"

namespace trinity {
namespace {

using tensor_names::OfExpert;
using tensor_names::OfLayer;

// New memory is zero.
Matrix Zeros(int64_t rows, int64_t cols) { return {rows, cols}; }

MlpGradients MlpZeros(int64_t intermediate_size, int64_t hidden_size) {
  return {Zeros(intermediate_size, hidden_size), Zeros(intermediate_size, hidden_size),
          Zeros(hidden_size, intermediate_size)};
}

MoeGradients MoeZeros(const Config& c, const RankSlice& slice) {
  MoeGradients moe;
  moe.router = Zeros(c.num_experts, c.hidden_size);
  for (int64_t e = 0; e < c.num_experts; ++e) {
    const bool is_held = e >= slice.experts.begin && e < slice.experts.end;
    moe.experts.push_back(MlpZeros(is_held ? slice.expert_cols.size() : 0, c.hidden_size));
  }
  if (c.num_shared_experts > 0) {
    moe.shared_experts = MlpZeros(slice.shared_cols.size(), c.hidden_size);
  }
  return moe;
}

LayerGradients LayerZeros(const Config& c, const RankSlice& slice, const LayerPlan& plan) {
  LayerGradients layer;
  for (Matrix* norm : {&layer.input_layernorm, &layer.post_attention_layernorm,
                       &layer.pre_mlp_layernorm, &layer.post_mlp_layernorm}) {
    *norm = Zeros(1, c.hidden_size);
  }
  AttentionGradients& a = layer.attention;
  const int64_t query_size = slice.query_heads.size() * c.head_dim;
  const int64_t key_value_size = slice.kv_heads.size() * c.head_dim;
  a.q_proj = Zeros(query_size, c.hidden_size);
  a.k_proj = Zeros(key_value_size, c.hidden_size);
  a.v_proj = Zeros(key_value_size, c.hidden_size);
  a.gate_proj = Zeros(query_size, c.hidden_size);
  a.o_proj = Zeros(c.hidden_size, query_size);
  a.q_norm = Zeros(1, c.head_dim);
  a.k_norm = Zeros(1, c.head_dim);
  if (plan.feed_forward == FeedForwardKind::kDense) {
    layer.dense = MlpZeros(slice.dense_cols.size(), c.hidden_size);
  } else {
    layer.moe = MoeZeros(c, slice);
  }
  return layer;
}

using Visit = std::function<void(const std::string& name, const Matrix&)>;

void VisitMlp(const std::string& prefix, const MlpGradients& mlp, const Visit& visit) {
  visit(prefix + "gate_proj.weight", mlp.gate_proj);
  visit(prefix + "up_proj.weight", mlp.up_proj);
  visit(prefix + "down_proj.weight", mlp.down_proj);
}

void VisitMoe(int64_t layer, const MoeGradients& moe, const Visit& visit) {
  visit(OfLayer(layer, "mlp.router.gate.weight"), moe.router);
  for (size_t e = 0; e < moe.experts.size(); ++e) {
    VisitMlp(OfExpert(layer, static_cast<int64_t>(e), ""), moe.experts[e], visit);
  }
  if (moe.shared_experts) {
    VisitMlp(OfLayer(layer, "mlp.shared_experts."), *moe.shared_experts, visit);
  }
}

void VisitLayer(int64_t index, const LayerGradients& layer, const Visit& visit) {
  const auto attention = [&](std::string_view part, const Matrix& gradient) {
    visit(OfLayer(index, fmt::format("self_attn.{}.weight", part)), gradient);
  };
  visit(OfLayer(index, "input_layernorm.weight"), layer.input_layernorm);
  attention("q_proj", layer.attention.q_proj);
  attention("k_proj", layer.attention.k_proj);
  attention("v_proj", layer.attention.v_proj);
  attention("gate_proj", layer.attention.gate_proj);
  attention("o_proj", layer.attention.o_proj);
  attention("q_norm", layer.attention.q_norm);
  attention("k_norm", layer.attention.k_norm);
  visit(OfLayer(index, "post_attention_layernorm.weight"), layer.post_attention_layernorm);
  visit(OfLayer(index, "pre_mlp_layernorm.weight"), layer.pre_mlp_layernorm);
  if (layer.dense) VisitMlp(OfLayer(index, "mlp."), *layer.dense, visit);
  if (layer.moe) VisitMoe(index, *layer.moe, visit);
  visit(OfLayer(index, "post_mlp_layernorm.weight"), layer.post_mlp_layernorm);
}

}  // namespace

Gradients::Gradients(const Config& config, const RankSlice& slice)
    : embed_tokens(slice.vocabulary.size(), config.hidden_size), norm(1, config.hidden_size) {
  if (!config.tie_word_embeddings) lm_head = Zeros(slice.vocabulary.size(), config.hidden_size);
  for (const LayerPlan& plan : PlanLayers(config)) {
    layers.push_back(LayerZeros(config, slice, plan));
  }
}

void Gradients::ForEach(const Visit& visit) const {
  visit(std::string(tensor_names::kEmbedTokens), embed_tokens);
  for (size_t i = 0; i < layers.size(); ++i) {
    VisitLayer(static_cast<int64_t>(i), layers[i], visit);
  }
  visit(std::string(tensor_names::kNorm), norm);
  if (lm_head) visit(std::string(tensor_names::kLmHead), *lm_head);
}

int64_t Gradients::num_bytes() const {
  int64_t bytes = 0;
  ForEach([&](const std::string&, const Matrix& gradient) {
    bytes += gradient.rows() * gradient.cols() * static_cast<int64_t>(sizeof(float));
  });
  return bytes;
}

}  // namespace trinity

#include "tests/support/ablation.h"

#include <algorithm>

namespace trinity {
namespace {

// Calls change(layer, plan) for each layer.
template <typename Change>
std::function<void(ModelParts&)> InEachLayer(const Change& change) {
  return [change](ModelParts& parts) {
    for (size_t i = 0; i < parts.plans.size(); ++i) change(parts.weights.layers[i], parts.plans[i]);
  };
}

template <typename Change>
std::function<void(ModelParts&)> InEachMoe(const Change& change) {
  return InEachLayer([change](LayerWeights& layer, LayerPlan&) {
    if (layer.moe) change(*layer.moe);
  });
}

std::function<void(ModelParts&)> WithoutNorm(Norm LayerWeights::*norm) {
  return InEachLayer([norm](LayerWeights& layer, LayerPlan&) { (layer.*norm).applies = false; });
}

void TakeOutWindow(ModelParts& parts) {
  for (LayerPlan& plan : parts.plans) plan.window.reset();
  parts.config.sliding_window = parts.config.max_position_embeddings;  // the cache keeps all
}

void WindowEverywhere(ModelParts& parts) {
  for (LayerPlan& plan : parts.plans) plan.window = parts.config.sliding_window;
}

}  // namespace

const std::vector<Ablation>& Ablations() {
  static const std::vector<Ablation> ablations = {
      {"attention gate",
       InEachLayer([](LayerWeights& layer, LayerPlan&) { layer.attention.gate_proj.reset(); })},
      {"q_norm", InEachLayer([](LayerWeights& layer, LayerPlan&) {
         layer.attention.q_norm.applies = false;
       })},
      {"k_norm", InEachLayer([](LayerWeights& layer, LayerPlan&) {
         layer.attention.k_norm.applies = false;
       })},
      {"input_layernorm", WithoutNorm(&LayerWeights::input_layernorm)},
      {"post_attention_layernorm", WithoutNorm(&LayerWeights::post_attention_layernorm)},
      {"pre_mlp_layernorm", WithoutNorm(&LayerWeights::pre_mlp_layernorm)},
      {"post_mlp_layernorm", WithoutNorm(&LayerWeights::post_mlp_layernorm)},
      {"final norm", [](ModelParts& parts) { parts.weights.norm.applies = false; }},
      {"RoPE on sliding layers",
       InEachLayer([](LayerWeights&, LayerPlan& plan) { plan.uses_rope = false; })},
      {"no RoPE on full layers",
       InEachLayer([](LayerWeights&, LayerPlan& plan) { plan.uses_rope = true; })},
      {"window of sliding layers", TakeOutWindow},
      {"no window on full layers", WindowEverywhere},
      {"muP factor", [](ModelParts& parts) { parts.config.mup_enabled = false; }},
      {"expert_bias in selection", InEachMoe([](MoeWeights& moe) {
         std::fill(moe.router.expert_bias.begin(), moe.router.expert_bias.end(), 0.0F);
       })},
      {"expert_bias only in selection",
       InEachMoe([](MoeWeights& moe) { moe.router.bias_enters_weights = true; })},
      {"score_func",
       [](ModelParts& parts) {
         parts.config.score_func = parts.config.score_func == ScoreFunction::kSigmoid
                                       ? ScoreFunction::kSoftmax
                                       : ScoreFunction::kSigmoid;
       }},
      {"route_norm", [](ModelParts& parts) { parts.config.route_norm = !parts.config.route_norm; }},
      {"route_scale", [](ModelParts& parts) { parts.config.route_scale = 1; }},
      {"shared experts", InEachMoe([](MoeWeights& moe) { moe.shared_experts.reset(); })}};
  return ablations;
}

}  // namespace trinity

#include "convert/preset_config.h"

#include <fmt/ranges.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {
namespace {

constexpr int64_t kLayersAFullOne = 4;  // three sliding layers, then one full

// What differs between the sizes of the family.
struct PresetSizes {
  std::string_view name;
  int64_t hidden_size;
  int64_t num_hidden_layers;
  int64_t num_dense_layers;
  int64_t num_attention_heads;
  int64_t num_key_value_heads;
  int64_t intermediate_size;
  int64_t moe_intermediate_size;
  int64_t num_experts;
  int64_t num_experts_per_tok;
  int64_t sliding_window;
  int64_t max_position_embeddings;
};

constexpr PresetSizes kPresets[] = {
    {"nano", 1024, 56, 2, 8, 2, 3072, 256, 128, 8, 2048, 131072},
    {"mini", 2048, 32, 2, 32, 4, 6144, 1024, 128, 8, 2048, 131072},
    {"large", 3072, 60, 6, 48, 8, 12288, 3072, 256, 4, 4096, 262144},
};

Json LayerTypes(int64_t num_layers) {
  Json types = Json::array();
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    const bool is_full = (layer + 1) % kLayersAFullOne == 0;
    types.push_back(is_full ? "full_attention" : "sliding_attention");
  }
  return types;
}

Json ConfigOf(const PresetSizes& sizes) {
  return {
      {"architectures", Json::array({"AfmoeForCausalLM"})},
      {"attention_dropout", 0.0},
      {"dtype", "bfloat16"},
      {"global_attn_every_n_layers", kLayersAFullOne},
      {"head_dim", 128},
      {"hidden_act", "silu"},
      {"hidden_size", sizes.hidden_size},
      {"initializer_range", 0.02},
      {"intermediate_size", sizes.intermediate_size},
      {"layer_types", LayerTypes(sizes.num_hidden_layers)},
      {"load_balance_coeff", 0.001},
      {"max_position_embeddings", sizes.max_position_embeddings},
      {"model_type", "afmoe"},
      {"moe_intermediate_size", sizes.moe_intermediate_size},
      {"mup_enabled", true},
      {"n_group", 1},
      {"num_attention_heads", sizes.num_attention_heads},
      {"num_dense_layers", sizes.num_dense_layers},
      {"num_expert_groups", 1},
      {"num_experts", sizes.num_experts},
      {"num_experts_per_tok", sizes.num_experts_per_tok},
      {"num_hidden_layers", sizes.num_hidden_layers},
      {"num_key_value_heads", sizes.num_key_value_heads},
      {"num_limited_groups", 1},
      {"num_shared_experts", 1},
      {"rms_norm_eps", 1e-05},
      {"rope_scaling", nullptr},
      {"rope_theta", 10000.0},
      {"route_norm", true},
      {"route_scale", 2.826},
      {"score_func", "sigmoid"},
      {"sliding_window", sizes.sliding_window},
      {"tie_word_embeddings", false},
      {"topk_group", 1},
      {"use_cache", true},
      {"vocab_size", 200192},
  };
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const PresetSizes& sizes : kPresets) names.emplace_back(sizes.name);
  return names;
}

Json PresetConfig(std::string_view name) {
  for (const PresetSizes& sizes : kPresets) {
    if (sizes.name == name) return ConfigOf(sizes);
  }
  throw UsageError(fmt::format("size: expected one of {}, found \"{}\"",
                               fmt::join(PresetNames(), ", "), Printable(name)));
}

}  // namespace trinity

#include "convert/quant_recipe.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace trinity {
namespace {

struct RecipeFacts {
  DType base;
  uint32_t file_type;
};

// In the order of the enumeration.
constexpr RecipeFacts kFacts[] = {{DType::kQ8_0, 7},  {DType::kQ6_K, 18}, {DType::kQ5_K, 17},
                                  {DType::kQ4_K, 15}, {DType::kQ4_0, 2},  {DType::kIQ4_XS, 30},
                                  {DType::kQ8_0, 38}};
static_assert(std::size(kFacts) == std::size(kQuantRecipeNames));

const RecipeFacts& FactsOf(QuantRecipe recipe) { return kFacts[static_cast<size_t>(recipe)]; }

// Of "model.layers.N.*".
int64_t LayerOf(std::string_view name) {
  constexpr std::string_view kPrefix = "model.layers.";
  int64_t layer = 0;
  if (name.starts_with(kPrefix)) {
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), layer);
  }
  return layer;
}

// The layers whose errors do most harm, and every third of the others.
bool UsesMoreBits(int64_t layer, int64_t num_layers) {
  const int64_t eighth = num_layers / 8;
  return layer < eighth || layer >= 7 * num_layers / 8 || (layer - eighth) % 3 == 2;
}

}  // namespace

std::optional<QuantRecipe> FindQuantRecipe(std::string_view name) {
  const auto* const found =
      std::find(std::begin(kQuantRecipeNames), std::end(kQuantRecipeNames), name);
  if (found == std::end(kQuantRecipeNames)) return std::nullopt;
  return static_cast<QuantRecipe>(found - std::begin(kQuantRecipeNames));
}

uint32_t FileTypeOf(QuantRecipe recipe) { return FactsOf(recipe).file_type; }

DType ChooseDType(QuantRecipe recipe, const ModelTensor& tensor, const Config& config,
                  bool has_importance) {
  const DType base = FactsOf(recipe).base;
  const bool is_head =
      tensor.parameter_class == ParameterClass::kHead ||
      (config.tie_word_embeddings && tensor.parameter_class == ParameterClass::kEmbedding);
  if (is_head) return base == DType::kQ8_0 ? DType::kQ8_0 : DType::kQ6_K;
  if (recipe == QuantRecipe::kMXFP4 && tensor.are_experts()) return DType::kMXFP4;
  const int64_t layer = LayerOf(tensor.name), num_layers = config.num_hidden_layers;
  const bool is_value = tensor.name.ends_with("self_attn.v_proj.weight");
  const bool is_down = tensor.name.ends_with("down_proj.weight");
  if (recipe == QuantRecipe::kQ4_K_M || recipe == QuantRecipe::kQ5_K_M) {
    return (is_value || is_down) && UsesMoreBits(layer, num_layers) ? DType::kQ6_K : base;
  }
  if (recipe == QuantRecipe::kIQ4_XS) {
    const bool is_shared = config.num_attention_heads >= 4 * config.num_key_value_heads;
    const bool is_early = layer < num_layers / 8 && !has_importance;
    if ((is_value && is_shared) || (is_down && is_early)) return DType::kQ5_K;
  }
  return base;
}

DType FitDType(DType dtype, int64_t cols) {
  const auto fits = [cols](DType d) { return cols % InfoOf(d).block_values == 0; };
  if (fits(dtype)) return dtype;
  DType shorter = dtype;
  if (dtype == DType::kQ6_K) shorter = DType::kQ8_0;
  if (dtype == DType::kQ5_K) shorter = DType::kQ5_1;
  if (dtype == DType::kQ4_K) shorter = DType::kQ5_0;
  if (dtype == DType::kQ2_K || dtype == DType::kQ3_K) shorter = DType::kQ4_0;
  if (dtype == DType::kIQ4_XS) shorter = DType::kIQ4_NL;
  return fits(shorter) ? shorter : DType::kF16;
}

}  // namespace trinity

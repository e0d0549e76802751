#include "convert/quant_recipe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "convert/preset_config.h"

namespace trinity {
namespace {

Config NanoConfig() { return Config::FromJson(PresetConfig("nano"), "nano"); }

DType Choose(QuantRecipe recipe, const std::string& name, const Config& config = NanoConfig()) {
  ModelTensor tensor;
  tensor.name = name;
  tensor.shape = {1024, 1024};
  tensor.parameter_class = FindParameterClass(name).value();
  return ChooseDType(recipe, tensor, config, false);
}

TEST(QuantRecipe, IsFoundByName) {
  for (size_t i = 0; i < std::size(kQuantRecipeNames); ++i) {
    EXPECT_EQ(FindQuantRecipe(kQuantRecipeNames[i]), static_cast<QuantRecipe>(i));
  }
  EXPECT_FALSE(FindQuantRecipe("q3_k_m").has_value());
}

TEST(QuantRecipe, MixturesGiveMoreBitsToTheOuterEighthsAndEveryThirdLayerBetween) {
  int more = 0;
  for (int layer = 0; layer < 56; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const DType down = Choose(QuantRecipe::kQ4_K_M, prefix + "mlp.experts.down_proj.weight");
    EXPECT_EQ(Choose(QuantRecipe::kQ4_K_M, prefix + "self_attn.v_proj.weight"), down);
    EXPECT_EQ(Choose(QuantRecipe::kQ4_K_M, prefix + "self_attn.q_proj.weight"), DType::kQ4_K);
    const bool expected = layer < 7 || layer >= 49 || (layer - 7) % 3 == 2;
    EXPECT_EQ(down, expected ? DType::kQ6_K : DType::kQ4_K) << layer;
    more += expected ? 1 : 0;
  }
  EXPECT_EQ(more, 28);
}

TEST(QuantRecipe, HeadHasSixBitsAtLeast) {
  for (const QuantRecipe recipe : {QuantRecipe::kQ4_0, QuantRecipe::kQ4_K_M, QuantRecipe::kQ5_K_M,
                                   QuantRecipe::kIQ4_XS, QuantRecipe::kQ6_K}) {
    EXPECT_EQ(Choose(recipe, "lm_head.weight"), DType::kQ6_K);
  }
  EXPECT_EQ(Choose(QuantRecipe::kMXFP4, "lm_head.weight"), DType::kQ8_0);
  Config tied = NanoConfig();
  tied.tie_word_embeddings = true;
  EXPECT_EQ(Choose(QuantRecipe::kQ4_0, "model.embed_tokens.weight", tied), DType::kQ6_K);
  EXPECT_EQ(Choose(QuantRecipe::kQ4_0, "model.embed_tokens.weight"), DType::kQ4_0);
}

TEST(QuantRecipe, Mxfp4IsForRoutedExpertsOnly) {
  const std::string layer = "model.layers.5.";
  EXPECT_EQ(Choose(QuantRecipe::kMXFP4, layer + "mlp.experts.up_proj.weight"), DType::kMXFP4);
  EXPECT_EQ(Choose(QuantRecipe::kMXFP4, layer + "mlp.shared_experts.up_proj.weight"), DType::kQ8_0);
  EXPECT_EQ(Choose(QuantRecipe::kMXFP4, layer + "self_attn.q_proj.weight"), DType::kQ8_0);
}

TEST(QuantRecipe, Iq4XsGivesSharedValuesFiveBits) {
  const std::string value = "model.layers.20.self_attn.v_proj.weight";
  EXPECT_EQ(Choose(QuantRecipe::kIQ4_XS, value), DType::kQ5_K);
  Config config = NanoConfig();
  config.num_key_value_heads = config.num_attention_heads / 2;
  EXPECT_EQ(Choose(QuantRecipe::kIQ4_XS, value, config), DType::kIQ4_XS);
}

TEST(QuantRecipe, RowsThatBlocksDoNotDivideGetShorterBlocksOrF16) {
  EXPECT_EQ(FitDType(DType::kQ4_K, 512), DType::kQ4_K);
  EXPECT_EQ(FitDType(DType::kQ4_K, 96), DType::kQ5_0);
  EXPECT_EQ(FitDType(DType::kQ6_K, 96), DType::kQ8_0);
  EXPECT_EQ(FitDType(DType::kIQ4_XS, 96), DType::kIQ4_NL);
  EXPECT_EQ(FitDType(DType::kQ4_K, 40), DType::kF16);
  EXPECT_EQ(FitDType(DType::kQ8_0, 40), DType::kF16);
  EXPECT_EQ(FitDType(DType::kBF16, 40), DType::kBF16);
}

}  // namespace
}  // namespace trinity

#include "convert/weight_type.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "convert/preset_config.h"

namespace trinity {
namespace {

TEST(WeightType, IsFoundByName) {
  for (const std::string& name : WeightTypeNames()) {
    EXPECT_TRUE(FindWeightType(name).has_value()) << name;
  }
  EXPECT_EQ(FindWeightType("bf16"), WeightType(DType::kBF16));
  EXPECT_EQ(FindWeightType("q4_k_m"), WeightType(QuantRecipe::kQ4_K_M));
  EXPECT_FALSE(FindWeightType("q3_k_m").has_value());
  EXPECT_FALSE(FindWeightType("BF16").has_value());
}

TEST(WeightType, NormsBiasesAndTheRouterAreFloat32InEvery) {
  const Config config = Config::FromJson(PresetConfig("nano"), "nano");
  for (const std::string& name : WeightTypeNames()) {
    const WeightType type = FindWeightType(name).value();
    for (const ModelShape& shape : ListModelShapes(config)) {
      const ModelTensor tensor = WithoutSource(shape);
      const bool is_small = shape.shape.size() == 1 || shape.name.ends_with("router.gate.weight");
      const bool is_float32 = DTypeIn(type, tensor, config) == DType::kF32;
      EXPECT_EQ(is_float32, is_small || name == "f32") << shape.name;
    }
  }
}

}  // namespace
}  // namespace trinity

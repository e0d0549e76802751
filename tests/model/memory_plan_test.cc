#include "model/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

void SetLayers(Config& c, int64_t num_layers, int64_t num_dense_layers) {
  c.num_hidden_layers = num_layers;
  c.num_dense_layers = num_dense_layers;
  for (int64_t i = 0; i < num_layers; ++i) {
    c.layer_types.push_back((i + 1) % 4 == 0 ? AttentionKind::kFull : AttentionKind::kSliding);
  }
}

Config Nano() {
  Config c;
  SetLayers(c, 56, 2);
  c.hidden_size = 1024;
  c.num_attention_heads = 8;
  c.num_key_value_heads = 2;
  c.head_dim = 128;
  c.intermediate_size = 3072;
  c.moe_intermediate_size = 256;
  c.num_experts = 128;
  c.num_experts_per_tok = 8;
  c.num_shared_experts = 1;
  c.vocab_size = 200192;
  c.sliding_window = 2048;
  return c;
}

Config Mini() {
  Config c = Nano();
  c.layer_types.clear();
  SetLayers(c, 32, 2);
  c.hidden_size = 2048;
  c.num_attention_heads = 32;
  c.num_key_value_heads = 4;
  c.intermediate_size = 6144;
  c.moe_intermediate_size = 1024;
  return c;
}

Config Large() {
  Config c = Nano();
  c.layer_types.clear();
  SetLayers(c, 60, 6);
  c.hidden_size = 3072;
  c.num_attention_heads = 48;
  c.num_key_value_heads = 8;
  c.intermediate_size = 12288;
  c.moe_intermediate_size = 3072;
  c.num_experts = 256;
  c.num_experts_per_tok = 4;
  c.sliding_window = 4096;
  return c;
}

TEST(MemoryPlan, GivesThePublishedTotals) {
  const WeightCount nano = PlanWeights(Nano(), DType::kBF16).Total();
  EXPECT_EQ(nano.parameters, 6120003328);
  EXPECT_EQ(nano.active_parameters, 818928384);
  EXPECT_EQ(nano.bytes, 12240020480);
  EXPECT_EQ(nano.active_bytes, 1637870592);
  const WeightCount mini = PlanWeights(Mini(), DType::kBF16).Total();
  EXPECT_EQ(mini.parameters, 26123974400);
  EXPECT_EQ(mini.active_parameters, 3064741632);
  EXPECT_EQ(mini.bytes, 52247956480);
  EXPECT_EQ(mini.active_bytes, 6129490944);
  const WeightCount large = PlanWeights(Large(), DType::kBF16).Total();
  EXPECT_EQ(large.parameters, 398635286016);
  EXPECT_EQ(large.active_parameters, 12756699648);
  EXPECT_EQ(large.bytes, 797270599680);
  EXPECT_EQ(large.active_bytes, 25513426944);
}

TEST(MemoryPlan, GivesTheParametersOfEachClassOfNano) {
  const WeightPlan plan = PlanWeights(Nano(), DType::kBF16);
  EXPECT_EQ(plan.Of(ParameterClass::kEmbedding).parameters, 204996608);
  EXPECT_EQ(plan.Of(ParameterClass::kEmbedding).active_parameters, 1024);
  EXPECT_EQ(plan.Of(ParameterClass::kHead).parameters, 204996608);
  EXPECT_EQ(plan.Of(ParameterClass::kAttention).parameters, 205520896);
  EXPECT_EQ(plan.Of(ParameterClass::kDense).parameters, 18874368);
  EXPECT_EQ(plan.Of(ParameterClass::kRoutedExperts).parameters, 5435817984);
  EXPECT_EQ(plan.Of(ParameterClass::kRoutedExperts).active_parameters, 339738624);
  EXPECT_EQ(plan.Of(ParameterClass::kSharedExperts).parameters, 42467328);
  EXPECT_EQ(plan.Of(ParameterClass::kRouter).parameters, 7077888 + 6912);
  EXPECT_EQ(plan.Of(ParameterClass::kNorms).parameters, 244736);
}

TEST(MemoryPlan, GivesTheKvBytesOfTheFamily) {
  EXPECT_EQ(PlanKv(Nano(), DType::kBF16, 2048).sliding, 88080384);
  EXPECT_EQ(PlanKv(Nano(), DType::kQ8_0, 2048).sliding, int64_t{88080384} * 34 / 64);
  EXPECT_EQ(PlanKv(Nano(), DType::kBF16, 1).full, 14336);
  EXPECT_EQ(PlanKv(Nano(), DType::kBF16, 1).sliding, 43008);
  EXPECT_EQ(PlanKv(Nano(), DType::kBF16, 32768).total(), 557842432);
  EXPECT_EQ(PlanKv(Nano(), DType::kBF16, 131072).total(), 1967128576);
  EXPECT_EQ(PlanKv(Mini(), DType::kBF16, 32768).total(), 637534208);
  EXPECT_EQ(PlanKv(Mini(), DType::kBF16, 131072).total(), 2248146944);
  EXPECT_EQ(PlanKv(Large(), DType::kBF16, 32768).total(), 2768240640);
  EXPECT_EQ(PlanKv(Large(), DType::kBF16, 262144).total(), 16861102080);
  EXPECT_EQ(PlanKv(Large(), DType::kF32, 262144).total(), 2 * 16861102080);
}

TEST(MemoryPlan, ReadsTheTiedHeadWithoutStoringIt) {
  Config config = Nano();
  config.tie_word_embeddings = true;
  const WeightPlan plan = PlanWeights(config, DType::kBF16);
  EXPECT_EQ(plan.Of(ParameterClass::kHead).parameters, 0);
  EXPECT_EQ(plan.Of(ParameterClass::kHead).active_bytes, 2 * 204996608);
}

TEST(MemoryPlan, OfTheFilesEqualsThatOfTheConfig) {
  const Checkpoint checkpoint = Checkpoint::Open(PicoFolder());
  const Config config = Config::FromJson(checkpoint.config(), "config.json");
  const WeightPlan stored = PlanWeights(config, checkpoint);
  const WeightPlan implied = PlanWeights(config, DType::kBF16);
  for (size_t i = 0; i < kNumParameterClasses; ++i) {
    EXPECT_EQ(stored.classes[i].parameters, implied.classes[i].parameters) << i;
    EXPECT_EQ(stored.classes[i].active_parameters, implied.classes[i].active_parameters) << i;
  }
  EXPECT_EQ(stored.Total().bytes, checkpoint.total_bytes());
}

TEST(MemoryPlan, RefusesSizesBeyondSixtyFourBits) {
  Config config = Nano();
  config.hidden_size = config.moe_intermediate_size = int64_t{1} << 20;
  config.num_experts = 65536;
  config.layer_types.clear();
  SetLayers(config, 1024, 0);
  EXPECT_THROW(PlanWeights(config, DType::kBF16), Error);
}

}  // namespace
}  // namespace trinity

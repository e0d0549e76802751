#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

Json PicoJson() { return LoadJson(PicoFolder() + "/config.json"); }

// The message with which pico's config is refused after `patch` (RFC 7386: null removes a key);
// empty where it is accepted.
std::string Refusal(const std::string& patch) {
  Json json = PicoJson();
  json.merge_patch(Json::parse(patch));
  try {
    Config::FromJson(json, "config.json");
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

Config Patched(const std::string& patch) {
  Json json = PicoJson();
  json.merge_patch(Json::parse(patch));
  return Config::FromJson(json, "config.json");
}

TEST(Config, ReadsWhatTheFileSays) {
  const Config c = Config::FromJson(PicoJson(), "config.json");
  EXPECT_EQ(c.hidden_size, 256);
  EXPECT_EQ(c.num_layers_of(AttentionKind::kSliding), 4);
  EXPECT_EQ(c.sliding_window, 128);
  EXPECT_FLOAT_EQ(c.route_scale, 2.826F);
  EXPECT_TRUE(c.mup_enabled);
  EXPECT_EQ(c.eos_token_ids, std::vector<int32_t>{3});
}

TEST(Config, DerivesOnePlanALayer) {
  const std::vector<LayerPlan> plans = PlanLayers(Patched("{}"));
  ASSERT_EQ(plans.size(), 6u);
  EXPECT_EQ(plans[0].feed_forward, FeedForwardKind::kDense);
  EXPECT_EQ(plans[1].feed_forward, FeedForwardKind::kMoe);
  EXPECT_EQ(plans[0].window, 128);
  EXPECT_TRUE(plans[0].uses_rope);
  EXPECT_EQ(plans[2].window, std::nullopt);
  EXPECT_FALSE(plans[2].uses_rope);
}

TEST(Config, LayerTypesRuleOverThePeriodAndThePeriodIsUsedWithoutThem) {
  const Config ruled = Patched(R"({"global_attn_every_n_layers": 2})");
  EXPECT_EQ(ruled.layer_types[1], AttentionKind::kSliding);
  const Config periodic = Patched(R"({"layer_types": null, "global_attn_every_n_layers": 2})");
  EXPECT_EQ(periodic.layer_types[1], AttentionKind::kFull);
  EXPECT_THAT(Refusal(R"({"layer_types": null, "global_attn_every_n_layers": null})"),
              HasSubstr("config.json: layer_types is missing"));
}

TEST(Config, NamesAMissingField) {
  for (const char* key :
       {"hidden_size", "num_hidden_layers", "num_dense_layers", "num_attention_heads",
        "num_key_value_heads", "head_dim", "intermediate_size", "moe_intermediate_size",
        "num_experts", "num_experts_per_tok", "num_shared_experts", "vocab_size",
        "max_position_embeddings", "route_scale", "mup_enabled", "sliding_window", "model_type"}) {
    EXPECT_THAT(Refusal("{\"" + std::string(key) + "\": null}"),
                HasSubstr("config.json: " + std::string(key) + " is missing"));
  }
}

TEST(Config, RefusesStringsForNumbersNegativesZerosAndHugeNumbers) {
  for (const char* key : {"hidden_size", "num_hidden_layers", "num_attention_heads",
                          "num_key_value_heads", "head_dim", "num_experts", "vocab_size"}) {
    for (const char* value : {"\"256\"", "-1", "0", "2147483648", "9223372036854775808",
                              "18446744073709551615", "1.5", "true", "[]", "{}", "1e3"}) {
      EXPECT_THAT(Refusal("{\"" + std::string(key) + "\": " + value + "}"),
                  HasSubstr("config.json: " + std::string(key) + ": expected an integer from"))
          << value;
    }
  }
}

TEST(Config, RefusesSizesThatDoNotFitEachOther) {
  EXPECT_THAT(Refusal(R"({"num_key_value_heads": 3})"), HasSubstr("a divisor of"));
  EXPECT_THAT(Refusal(R"({"head_dim": 63})"), HasSubstr("an even number"));
  EXPECT_THAT(Refusal(R"({"num_experts_per_tok": 9})"), HasSubstr("at most num_experts, 8"));
  EXPECT_THAT(Refusal(R"({"num_dense_layers": 7})"), HasSubstr("from 0 to 6"));
  EXPECT_THAT(Refusal(R"({"layer_types": ["full_attention"]})"), HasSubstr("an array of 6"));
  EXPECT_THAT(Refusal(R"({"layer_types": "full_attention"})"), HasSubstr("an array of 6"));
  EXPECT_THAT(Refusal(R"({"layer_types": ["x","x","x","x","x","x"]})"),
              HasSubstr("\"sliding_attention\" or \"full_attention\", found \"x\""));
}

TEST(Config, RefusesWhatIsNotImplementedByKeyAndValue) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"model_type": "llama"})", "model_type: expected \"afmoe\""},
      {R"({"hidden_act": "gelu"})", "hidden_act: expected \"silu\""},
      {R"({"attention_bias": true})", "attention_bias: expected false"},
      {R"({"score_func": "tanh"})", "score_func: expected \"sigmoid\" or \"softmax\""},
      {R"({"n_group": 2})", "n_group: expected 1"},
      {R"({"topk_group": 2})", "topk_group: expected 1"},
      {R"({"num_expert_groups": 4})", "num_expert_groups: expected 1"},
      {R"({"num_limited_groups": 4})", "num_limited_groups: expected 1"},
      {R"({"rope_scaling": {"type": "yarn"}})", "rope_scaling: expected null"},
      {R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0}})",
       "rope_type: expected \"default\""},
      {R"({"quantization_config": {"quant_method": "fp8"}})", "quantization_config"}};
  for (const auto& [patch, message] : cases) EXPECT_THAT(Refusal(patch), HasSubstr(message));
}

TEST(Config, TakesRopeThetaFromEitherPlaceButNotTwoDifferent) {
  EXPECT_EQ(Patched(R"({"rope_theta": 5e5})").rope_theta, 5e5);
  EXPECT_EQ(Patched(R"({"rope_theta": null, "rope_parameters": {"rope_theta": 1e6}})").rope_theta,
            1e6);
  EXPECT_EQ(Patched(R"({"rope_theta": null})").rope_theta, 10000.0);
  EXPECT_THAT(Refusal(R"({"rope_parameters": {"rope_theta": 1e6}})"), HasSubstr("the same as"));
  EXPECT_THAT(Refusal(R"({"rope_theta": null, "rope_parameters": {"rope_type": "default"}})"),
              HasSubstr("rope_theta is missing"));
}

TEST(Config, RefusesNumbersThatAreNotFiniteAndPositive) {
  for (const char* key : {"route_scale", "rms_norm_eps", "rope_theta"}) {
    for (const char* value : {"0", "-1.0", "1e-60", "1e60", "\"nan\"", "true"}) {
      EXPECT_THAT(Refusal("{\"" + std::string(key) + "\": " + value + "}"), HasSubstr(key))
          << value;
    }
  }
  EXPECT_THAT(Refusal(R"({"mup_enabled": 1})"), HasSubstr("mup_enabled: expected true or false"));
}

TEST(Config, RefusesTokenIdsOutsideOfTheVocabulary) {
  EXPECT_THAT(Refusal(R"({"eos_token_id": 4096})"), HasSubstr("from 0 to 4095"));
  EXPECT_THAT(Refusal(R"({"eos_token_id": [1, -3]})"), HasSubstr("from 0 to 4095"));
  EXPECT_EQ(Patched(R"({"eos_token_id": [1, 3]})").eos_token_ids, (std::vector<int32_t>{1, 3}));
}

TEST(Config, UsesTheArchitecturesDefaultsWhereFieldsMayBeMissing) {
  const Config c = Patched(
      R"({"score_func": null, "route_norm": null, "rms_norm_eps": null, "rope_theta": null,
          "tie_word_embeddings": null, "n_group": null})");
  EXPECT_EQ(c.score_func, ScoreFunction::kSigmoid);
  EXPECT_TRUE(c.route_norm);
  EXPECT_FLOAT_EQ(c.rms_norm_eps, 1e-5F);
  EXPECT_FALSE(c.tie_word_embeddings);
}

TEST(Config, IgnoresKeysThatDoNotChangeTheForwardPass) {
  EXPECT_EQ(Refusal(R"({"transformers_version": "9", "id2label": {"0": "x"}, "auto_map": {}})"),
            "");
}

}  // namespace
}  // namespace trinity

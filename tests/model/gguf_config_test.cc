#include "model/gguf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/config.h"
#include "model/weights.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Checkpoint& Tiny() {
  static const Checkpoint checkpoint = Checkpoint::Open(TestData("gguf/tiny.gguf"));
  return checkpoint;
}

// The metadata of the tiny model after `change`.
template <typename Change>
GgufConfig Changed(Change change) {
  Json metadata = *Tiny().gguf_metadata();
  change(metadata);
  return ReadGgufConfig(metadata, Tiny().tensors(), "m.gguf");
}

// With one key set to another value, or taken out where `value` is null.
GgufConfig With(const std::string& key, const Json& value) {
  return Changed([&](Json& metadata) {
    metadata.erase(key);
    if (!value.is_null()) metadata[key] = value;
  });
}

std::string Refusal(const std::string& key, const Json& value) {
  try {
    With(key, value);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("m.gguf: "), Not(HasSubstr("\n"))));
    return error.what();
  }
  return "";
}

TEST(GgufConfig, SaysWhatTheMetadataSays) {
  const GgufConfig tiny = With("general.name", nullptr);
  const Config c = Config::FromJson(*tiny.config, "m.gguf");
  EXPECT_EQ(c.hidden_size, 256);
  EXPECT_EQ(c.num_hidden_layers, 2);
  EXPECT_EQ(c.num_dense_layers, 1);
  EXPECT_EQ(c.num_attention_heads, 2);
  EXPECT_EQ(c.num_key_value_heads, 1);
  EXPECT_EQ(c.head_dim, 16);
  EXPECT_EQ(c.intermediate_size, 32);
  EXPECT_EQ(c.moe_intermediate_size, 32);
  EXPECT_EQ(c.num_experts, 2);
  EXPECT_EQ(c.num_experts_per_tok, 1);
  EXPECT_EQ(c.num_shared_experts, 1);
  EXPECT_EQ(c.vocab_size, 32);
  EXPECT_EQ(c.max_position_embeddings, 512);
  EXPECT_EQ(c.sliding_window, 64);
  EXPECT_EQ(c.rope_theta, 10000.0);
  EXPECT_EQ(c.rms_norm_eps, 1e-5F);
  EXPECT_EQ(c.route_scale, 2.826F);
  EXPECT_TRUE(c.route_norm);
  EXPECT_EQ(c.score_func, ScoreFunction::kSigmoid);
  EXPECT_FALSE(c.tie_word_embeddings);
  EXPECT_EQ(c.bos_token_id, 0);
  EXPECT_THAT(c.eos_token_ids, ElementsAre(3, 1));
}

TEST(GgufConfig, WritesNumbersAsPeopleDo) {
  const GgufConfig tiny = With("general.name", nullptr);
  EXPECT_EQ((*tiny.config)["route_scale"].dump(), "2.826");
  EXPECT_EQ((*tiny.config)["rms_norm_eps"].dump(), "1e-05");
}

TEST(GgufConfig, LogsWhatGgufDoesNotCarry) {
  EXPECT_THAT(With("general.name", nullptr).assumptions,
              ElementsAre(HasSubstr("every 4th layer is full"), HasSubstr("RoPE acts on"),
                          HasSubstr("mup_enabled is true")));
}

TEST(GgufConfig, TakesMupFromOurOwnKey) {
  const GgufConfig off = With("trinity.mup_enabled", false);
  EXPECT_FALSE(Config::FromJson(*off.config, "m.gguf").mup_enabled);
  EXPECT_THAT(off.assumptions, Not(Contains(HasSubstr("mup_enabled"))));
}

TEST(GgufConfig, AssumesThatEveryFourthLayerIsFull) {
  const GgufConfig config = Changed([](Json& metadata) { metadata["afmoe.block_count"] = 9; });
  const Config c = Config::FromJson(*config.config, "m.gguf");
  EXPECT_EQ(c.num_layers_of(AttentionKind::kFull), 2);
  EXPECT_EQ(c.layer_types[3], AttentionKind::kFull);
  EXPECT_EQ(c.layer_types[7], AttentionKind::kFull);
  EXPECT_TRUE(c.mup_enabled);
}

TEST(GgufConfig, TakesPatternOfLayersWhereItIsThere) {
  const std::string key = "afmoe.attention.sliding_window_pattern";
  const GgufConfig flags = With(key, Json({false, true}));
  EXPECT_EQ((*flags.config)["layer_types"], Json({"full_attention", "sliding_attention"}));
  EXPECT_THAT(flags.assumptions, Not(Contains(HasSubstr("every 4th"))));
  EXPECT_EQ((*With(key, Json({1, 0})).config)["layer_types"],
            Json({"sliding_attention", "full_attention"}));
  EXPECT_EQ((*With(key, 2).config)["layer_types"], Json({"sliding_attention", "full_attention"}));
  EXPECT_THAT(Refusal(key, Json({true})), HasSubstr("a flag for each of 2 layers, found 1"));
  EXPECT_THAT(Refusal(key, Json({1, 2})), HasSubstr("flags 0 or 1, found 2"));
  EXPECT_THAT(Refusal(key, Json({"a", "b"})), HasSubstr("flags 0 or 1"));
  EXPECT_THAT(Refusal(key, 0), HasSubstr("from 1 to 1024, found 0"));
  EXPECT_THAT(Refusal(key, "x"), HasSubstr(key));
}

TEST(GgufConfig, RefusesAnotherArchitecture) {
  EXPECT_THAT(Refusal("general.architecture", "llama"),
              HasSubstr("general.architecture: expected \"afmoe\", found \"llama\""));
  EXPECT_THAT(Refusal("general.architecture", nullptr), HasSubstr("is missing"));
  EXPECT_THAT(Refusal("general.architecture", 3), HasSubstr("expected a string"));
}

// What llama.cpp reads as "off" changes the model without a word: here it is missing.
TEST(GgufConfig, RefusesEachMissingKey) {
  for (const char* key :
       {"block_count", "context_length", "embedding_length", "feed_forward_length",
        "attention.head_count", "attention.head_count_kv", "attention.key_length",
        "attention.layer_norm_rms_epsilon", "attention.sliding_window", "expert_count",
        "expert_used_count", "expert_shared_count", "expert_feed_forward_length",
        "expert_weights_scale"}) {
    EXPECT_THAT(Refusal(std::string("afmoe.") + key, nullptr),
                HasSubstr(fmt::format("afmoe.{} is missing: expected", key)));
  }
}

TEST(GgufConfig, DoesWithoutKeysThatHaveOneSafeValue) {
  for (const char* key : {"attention.value_length", "rope.dimension_count", "rope.freq_base",
                          "leading_dense_block_count", "expert_gating_func", "vocab_size"}) {
    EXPECT_EQ(*With(std::string("afmoe.") + key, nullptr).config,
              *With("general.name", nullptr).config)
        << key;
  }
  const GgufConfig without = With("afmoe.expert_weights_norm", nullptr);
  EXPECT_EQ((*without.config)["route_norm"], true);
  EXPECT_THAT(without.assumptions, Contains(HasSubstr("route_norm is true")));
  EXPECT_EQ((*With("afmoe.expert_weights_norm", false).config)["route_norm"], false);
}

TEST(GgufConfig, RefusesKeysOfAnotherKind) {
  for (const char* key : {"block_count", "embedding_length", "attention.head_count"}) {
    for (const Json& value : {Json("256"), Json(-1), Json(1.5), Json(true), Json({2, 2}),
                              Json(uint64_t{1} << 63), Json(uint64_t{1} << 31)}) {
      EXPECT_THAT(Refusal(std::string("afmoe.") + key, value),
                  HasSubstr(fmt::format("afmoe.{}: expected an integer from 1 to", key)));
    }
  }
  EXPECT_THAT(Refusal("afmoe.expert_weights_norm", 1), HasSubstr("true or false"));
  EXPECT_THAT(Refusal("tokenizer.ggml.tokens", "x"), HasSubstr("expected an array"));
}

TEST(GgufConfig, RefusesNumbersOfLayersHeadsAndExpertsThatAreNone) {
  EXPECT_THAT(Refusal("afmoe.block_count", 0), HasSubstr("afmoe.block_count: expected"));
  EXPECT_THAT(Refusal("afmoe.block_count", 1025), HasSubstr("found 1025"));
  EXPECT_THAT(Refusal("afmoe.block_count", 2147483647), HasSubstr("found 2147483647"));
  for (const char* key : {"attention.head_count", "attention.head_count_kv", "attention.key_length",
                          "attention.sliding_window", "expert_count", "expert_used_count"}) {
    EXPECT_THAT(Refusal(std::string("afmoe.") + key, 0),
                HasSubstr(fmt::format("afmoe.{}: expected an integer from 1 to", key)));
  }
  EXPECT_THAT(Refusal("afmoe.expert_used_count", 3), HasSubstr("at most num_experts, 2"));
}

TEST(GgufConfig, AcceptsMoreLayersThanFiveHundredAndTwelve) {
  EXPECT_EQ((*With("afmoe.block_count", 513).config)["layer_types"].size(), 513u);
}

TEST(GgufConfig, RefusesScalesThatAreNotFiniteAndPositive) {
  for (const char* key :
       {"expert_weights_scale", "attention.layer_norm_rms_epsilon", "rope.freq_base"}) {
    for (const double value : {0.0, -1.0, HUGE_VAL, -HUGE_VAL, std::nan(""), 1e60}) {
      EXPECT_THAT(Refusal(std::string("afmoe.") + key, value),
                  HasSubstr(fmt::format("afmoe.{}: expected a finite number above 0", key)));
    }
  }
}

TEST(GgufConfig, RefusesWhatIsNotImplementedByKey) {
  EXPECT_THAT(Refusal("afmoe.expert_gating_func", 1),
              HasSubstr("afmoe.expert_gating_func: expected 2"));
  EXPECT_THAT(Refusal("afmoe.expert_group_count", 4), HasSubstr("afmoe.expert_group_count"));
  EXPECT_THAT(Refusal("afmoe.expert_group_used_count", 2), HasSubstr("expert_group_used_count"));
  EXPECT_THAT(Refusal("afmoe.rope.scaling.type", "yarn"), HasSubstr("afmoe.rope.scaling.type"));
  EXPECT_THAT(Refusal("afmoe.rope.scaling.factor", 4.0), HasSubstr("no scaling"));
  EXPECT_THAT(Refusal("afmoe.final_logit_softcapping", 30.0), HasSubstr("not implemented"));
  EXPECT_THAT(Refusal("afmoe.attention.value_length", 32),
              HasSubstr("expected the same as afmoe.attention.key_length, 16, found 32"));
  EXPECT_THAT(Refusal("afmoe.rope.dimension_count", 8), HasSubstr("rope.dimension_count"));
  EXPECT_EQ(Refusal("afmoe.rope.scaling.type", "none"), "");
}

TEST(GgufConfig, CountsTheDenseLayersThatAreThere) {
  EXPECT_THAT(Refusal("afmoe.leading_dense_block_count", 2),
              HasSubstr("expected 1, the leading layers with ffn_gate.weight, found 2"));
  EXPECT_THAT(Refusal("afmoe.leading_dense_block_count", 0), HasSubstr("expected 1"));
}

TEST(GgufConfig, RefusesVocabularyThatIsNotAsLargeAsItsTokens) {
  EXPECT_THAT(
      Refusal("afmoe.vocab_size", 33),
      HasSubstr("tokenizer.ggml.tokens: expected as many as afmoe.vocab_size, 33, found 32"));
  EXPECT_THAT(Refusal("tokenizer.ggml.tokens", Json::array()), HasSubstr("found 0"));
  EXPECT_THAT(Refusal("tokenizer.ggml.eos_token_id", 32), HasSubstr("eos_token_id"));
  const auto nothing = [](Json& metadata) {
    metadata.erase("afmoe.vocab_size");
    metadata.erase("tokenizer.ggml.tokens");
  };
  EXPECT_THROW(Changed(nothing), Error);
}

TEST(GgufConfig, VocabularyOfAnotherSizeThanTheEmbeddingIsRefusedWhenItIsLoaded) {
  Checkpoint checkpoint = Checkpoint::Open(TestData("gguf/tiny.gguf"));
  TranslateGguf(checkpoint);
  Config config = Config::FromJson(checkpoint.config(), "m.gguf");
  config.vocab_size += 1;
  ThreadPool pool(1);
  try {
    Weights::Load(checkpoint, config, pool, {});
    FAIL() << "was loaded";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.embed_tokens.weight: expected shape [33, 256], "
                                        "found [32, 256]"));
  }
}

TEST(GgufConfig, HeadIsTiedWhereItIsNotThere) {
  std::vector<TensorInfo> tensors = Tiny().tensors();
  std::erase_if(tensors, [](const TensorInfo& tensor) { return tensor.name == "output.weight"; });
  const GgufConfig config = ReadGgufConfig(*Tiny().gguf_metadata(), tensors, "m.gguf");
  EXPECT_EQ((*config.config)["tie_word_embeddings"], true);
}

TEST(GgufConfig, TranslatesACheckpoint) {
  Checkpoint checkpoint = Checkpoint::Open(TestData("gguf/tiny.gguf"));
  EXPECT_EQ(TranslateGguf(checkpoint).size(), 3u);
  EXPECT_EQ(checkpoint.config()["model_type"], "afmoe");
  const TensorInfo* experts = checkpoint.Find("model.layers.1.mlp.experts.down_proj.weight");
  ASSERT_NE(experts, nullptr);
  EXPECT_EQ(experts->dtype, DType::kQ5_1);
  EXPECT_THAT(experts->shape, ElementsAre(2, 256, 32));
  EXPECT_EQ(checkpoint.Find("blk.1.ffn_down_exps.weight"), nullptr);
}

TEST(GgufConfig, LeavesOtherCheckpointsAsTheyAre) {
  Checkpoint checkpoint = Checkpoint::Open(PicoFolder());
  EXPECT_TRUE(TranslateGguf(checkpoint).empty());
  EXPECT_NE(checkpoint.Find("model.norm.weight"), nullptr);
  EXPECT_EQ(checkpoint.config()["hidden_size"], 256);
}

}  // namespace
}  // namespace trinity

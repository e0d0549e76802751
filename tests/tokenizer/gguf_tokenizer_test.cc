#include "tokenizer/gguf_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/support/paths.h"
#include "tests/tokenizer/json_lines.h"
#include "tokenizer/generation_config.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Ids = std::vector<int32_t>;

constexpr uint32_t kBos = 0;

// The metadata that llama.cpp's converter writes for a tokenizer.json: tokens by id, padding rows
// of the embedding as unused, merges as "a b".
Json MetadataOf(const std::string& tokenizer_json, size_t num_rows) {
  const Json json = LoadJson(tokenizer_json);
  std::vector<std::string> tokens;
  for (size_t i = 0; i < num_rows; ++i) tokens.push_back(fmt::format("[PAD{}]", i));
  std::vector<int32_t> types(num_rows, 5);
  for (const auto& entry : json["model"]["vocab"].items()) {
    tokens[entry.value().get<size_t>()] = entry.key();
    types[entry.value().get<size_t>()] = 1;
  }
  for (const Json& token : json["added_tokens"]) {
    tokens[token["id"].get<size_t>()] = token["content"].get<std::string>();
    types[token["id"].get<size_t>()] = token["special"].get<bool>() ? 3 : 4;
  }
  Json merges = Json::array();
  for (const Json& merge : json["model"]["merges"]) {
    merges.push_back(merge.is_string()
                         ? merge.get<std::string>()
                         : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  return {{"tokenizer.ggml.model", "gpt2"},         {"tokenizer.ggml.pre", "afmoe"},
          {"tokenizer.ggml.tokens", tokens},        {"tokenizer.ggml.token_type", types},
          {"tokenizer.ggml.merges", merges},        {"tokenizer.ggml.bos_token_id", kBos},
          {"tokenizer.ggml.eos_token_id", 3U},      {"tokenizer.ggml.eot_token_id", 1U},
          {"tokenizer.ggml.padding_token_id", 12U}, {"tokenizer.ggml.add_bos_token", true}};
}

const Json& PicoMetadata() {
  static const Json metadata = MetadataOf(PicoFolder() + "/tokenizer.json", 4096);
  return metadata;
}

Tokenizer With(const std::string& key, const Json& value) {
  Json metadata = PicoMetadata();
  metadata.erase(key);
  if (!value.is_null()) metadata[key] = value;
  return Tokenizer::FromGguf(metadata, "m.gguf");
}

std::string Refusal(const std::string& key, const Json& value) {
  try {
    With(key, value);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("m.gguf: " + key), Not(HasSubstr("\n"))));
    return error.what();
  }
  return "";
}

void ExpectGoldens(const Tokenizer& tokenizer, const std::string& path, size_t at_least) {
  const std::vector<Json> goldens = LoadJsonLines(path);
  EXPECT_GE(goldens.size(), at_least);
  for (const Json& golden : goldens) {
    const auto text = golden["text"].get<std::string>();
    SCOPED_TRACE(Printable(text));
    const auto ids = golden["ids"].get<Ids>();
    EXPECT_EQ(tokenizer.Encode(text, SpecialTokens::kLeaveOut), ids);
    EXPECT_EQ(tokenizer.Encode(text, SpecialTokens::kAdd), golden["ids_with_special"].get<Ids>());
    EXPECT_EQ(tokenizer.Decode(ids, DecodeSpecial::kKeep), golden["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer.Decode(ids, DecodeSpecial::kSkip),
              golden["decoded_skip_special"].get<std::string>());
  }
}

void ExpectLargeGoldens(const std::string& name) {
  const std::string path = SharedFolder() + "/tokenizers/Trinity-Large-" + name + ".tokenizer.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared tokenizers";
  ExpectGoldens(Tokenizer::FromGguf(MetadataOf(path, 200192), "m.gguf"),
                SharedFolder() + "/goldens/tokenizer-Large-" + name + ".jsonl", 961);
}

TEST(GgufTokenizer, GivesTheIdsOfHuggingFaceOnPico) {
  ExpectGoldens(With("unused", nullptr), TestData("tokenizer/pico.jsonl"), 500);
}

TEST(LargeTokenizer, BaseFromGgufAgreesWithEveryGolden) { ExpectLargeGoldens("Base"); }

TEST(LargeTokenizer, ThinkingFromGgufAgreesWithEveryGolden) { ExpectLargeGoldens("Thinking"); }

TEST(GgufTokenizer, HasTokensAndMergesOfTheFileWithoutPadding) {
  const Tokenizer gguf = With("unused", nullptr), json = Tokenizer::Load(PicoFolder());
  EXPECT_EQ(gguf.num_tokens(), json.num_tokens());
  EXPECT_EQ(gguf.num_merges(), json.num_merges());
  EXPECT_FALSE(gguf.HasToken(4095));
  EXPECT_EQ(gguf.pre_tokenizer_steps(), json.pre_tokenizer_steps());
  for (int32_t id = 0; id < 4096; ++id) {
    EXPECT_EQ(gguf.SpellingOf(id), json.SpellingOf(id));
    EXPECT_EQ(gguf.IsSpecial(id), json.IsSpecial(id));
  }
  const std::vector<TokenPair> merges = gguf.ListMerges();
  ASSERT_EQ(merges.size(), 3776u);
  EXPECT_EQ(gguf.SpellingOf(merges[0].left) + " " + gguf.SpellingOf(merges[0].right),
            PicoMetadata()["tokenizer.ggml.merges"][0].get<std::string>());
}

TEST(GgufTokenizer, AddsBosWhereNothingIsSaid) {
  const std::string key = "tokenizer.ggml.add_bos_token";
  EXPECT_THAT(With(key, nullptr).Encode("", SpecialTokens::kAdd), ElementsAre(0));
  EXPECT_THAT(With(key, true).Encode("", SpecialTokens::kAdd), ElementsAre(0));
  EXPECT_THAT(With(key, false).Encode("", SpecialTokens::kAdd), ElementsAre());
}

TEST(GgufTokenizer, AddsEosWhereTheFileSaysSo) {
  EXPECT_THAT(With("tokenizer.ggml.add_eos_token", true).Encode("", SpecialTokens::kAdd),
              ElementsAre(0, 3));
}

TEST(GgufTokenizer, RefusesOtherPipelinesByName) {
  EXPECT_THAT(Refusal("tokenizer.ggml.model", "llama"),
              HasSubstr("expected \"gpt2\" (the only one implemented), found \"llama\""));
  EXPECT_THAT(Refusal("tokenizer.ggml.pre", "qwen2"),
              HasSubstr("expected \"afmoe\" (the only one implemented), found \"qwen2\""));
  EXPECT_THAT(Refusal("tokenizer.ggml.pre", nullptr), HasSubstr("is missing"));
  EXPECT_THAT(Refusal("tokenizer.ggml.add_space_prefix", true), HasSubstr("not implemented"));
  EXPECT_THAT(Refusal("tokenizer.ggml.precompiled_charsmap", Json::array()),
              HasSubstr("not implemented"));
}

TEST(GgufTokenizer, RefusesMissingListsAndListsOfAnotherKind) {
  for (const char* key :
       {"tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges"}) {
    EXPECT_THAT(Refusal(key, nullptr), HasSubstr("is missing")) << key;
    EXPECT_THAT(Refusal(key, 7), HasSubstr("expected an array, found 7")) << key;
  }
  EXPECT_THAT(Refusal("tokenizer.ggml.token_type", Json::array({1, 1})),
              HasSubstr("expected as many as tokenizer.ggml.tokens, 4096, found 2"));
}

TEST(GgufTokenizer, RefusesNoTokensAtAll) {
  Json metadata = PicoMetadata();
  metadata["tokenizer.ggml.tokens"] = Json::array();
  metadata["tokenizer.ggml.token_type"] = Json::array();
  metadata["tokenizer.ggml.merges"] = Json::array();
  EXPECT_THROW(Tokenizer::FromGguf(metadata, "m.gguf"), Error);
}

TEST(GgufTokenizer, RefusesTokensOfBytesAndUnknownTypes) {
  for (const int type : {0, 2, 6, 7}) {
    Json types = PicoMetadata()["tokenizer.ggml.token_type"];
    types[300] = type;
    EXPECT_THAT(Refusal("tokenizer.ggml.token_type", types),
                HasSubstr(fmt::format("found {}", type)));
  }
}

TEST(GgufTokenizer, RefusesTokensThatAreEmptyOrOccurTwice) {
  Json tokens = PicoMetadata()["tokenizer.ggml.tokens"];
  tokens[500] = "";
  EXPECT_THAT(Refusal("tokenizer.ggml.tokens", tokens), HasSubstr("found an empty string"));
  tokens[500] = tokens[501];
  EXPECT_THAT(Refusal("tokenizer.ggml.tokens", tokens), HasSubstr("occurs twice"));
  tokens[500] = 5;
  EXPECT_THAT(Refusal("tokenizer.ggml.tokens", tokens), HasSubstr("expected strings, found 5"));
}

// "<0x-1>" is a byte token of other tokenizers with a value that no byte has.
TEST(GgufTokenizer, TakesByteTokensOfOtherTokenizersAsText) {
  Json tokens = PicoMetadata()["tokenizer.ggml.tokens"];
  Json types = PicoMetadata()["tokenizer.ggml.token_type"];
  tokens[4070] = "<0x-1>";
  types[4070] = 1;
  Json metadata = PicoMetadata();
  metadata["tokenizer.ggml.tokens"] = tokens;
  metadata["tokenizer.ggml.token_type"] = types;
  const Tokenizer tokenizer = Tokenizer::FromGguf(metadata, "m.gguf");
  EXPECT_EQ(tokenizer.BytesOf(4070), "<0x-1>");
}

TEST(GgufTokenizer, RefusesMergesThatAreNone) {
  const std::string key = "tokenizer.ggml.merges";
  Json merges = PicoMetadata()[key];
  for (const Json& wrong : {Json("ab"), Json("a b c"), Json(7)}) {
    merges[5] = wrong;
    EXPECT_THAT(Refusal(key, merges), HasSubstr("merges[5]: expected two tokens"));
  }
  merges[5] = "a nosuchtoken";
  EXPECT_THAT(Refusal(key, merges), HasSubstr("expected tokens of the vocabulary"));
  merges[5] = merges[4];
  EXPECT_THAT(Refusal(key, merges), HasSubstr("occurs twice"));
}

TEST(GgufTokenizer, RefusesSpecialIdsWithoutAToken) {
  for (const Json& id : {Json(4096U), Json(4095U), Json(-1), Json("x"), Json(uint64_t{1} << 40)}) {
    EXPECT_THAT(Refusal("tokenizer.ggml.bos_token_id", id), HasSubstr("expected")) << id;
  }
  Json metadata = PicoMetadata();
  metadata.erase("tokenizer.ggml.bos_token_id");
  EXPECT_THROW(Tokenizer::FromGguf(metadata, "m.gguf"), Error);  // add_bos_token is true
}

TEST(GgufTokenizerConfig, ReadsTemplatesAndSpecialTokens) {
  Json metadata = PicoMetadata();
  metadata["tokenizer.chat_template.tool_use"] = "tools";
  metadata["tokenizer.chat_template"] = "plain";
  metadata["tokenizer.chat_templates"] = Json::array({"tool_use"});
  const TokenizerConfig config = TokenizerConfig::FromGguf(metadata, "m.gguf");
  EXPECT_THAT(config.chat_templates,
              ElementsAre(std::pair("default", "plain"), std::pair("tool_use", "tools")));
  EXPECT_EQ(config.bos_token, "<|begin_of_text|>");
  EXPECT_EQ(config.eos_token, "<|im_end|>");
  EXPECT_EQ(config.pad_token, "<|pad|>");
  EXPECT_EQ(config.add_bos_token, true);
}

TEST(GgufTokenizerConfig, RefusesTemplatesOfAnotherKindAndIdsOfNoToken) {
  Json metadata = PicoMetadata();
  metadata["tokenizer.chat_template"] = 7;
  EXPECT_THROW(TokenizerConfig::FromGguf(metadata, "m.gguf"), Error);
  metadata = PicoMetadata();
  metadata["tokenizer.ggml.eos_token_id"] = 5000U;
  EXPECT_THROW(TokenizerConfig::FromGguf(metadata, "m.gguf"), Error);
}

TEST(GgufGenerationConfig, ReadsStopIdsAndAdvice) {
  Json metadata = PicoMetadata();
  metadata["general.sampling.temp"] = static_cast<double>(0.15F);
  metadata["general.sampling.top_k"] = 50;
  metadata["general.sampling.top_p"] = static_cast<double>(0.75F);
  const GenerationConfig config = GenerationConfig::FromGguf(metadata, "m.gguf");
  EXPECT_THAT(config.eos_token_ids, ElementsAre(3, 1));
  EXPECT_EQ(config.bos_token_id, 0);
  EXPECT_EQ(config.pad_token_id, 12);
  EXPECT_EQ(config.temperature, 0.15);
  EXPECT_EQ(config.top_k, 50);
  EXPECT_EQ(config.top_p, 0.75);
  EXPECT_FALSE(config.min_p.has_value());
  metadata["general.sampling.top_p"] = 7.0;
  EXPECT_THROW(GenerationConfig::FromGguf(metadata, "m.gguf"), Error);
}

}  // namespace
}  // namespace trinity

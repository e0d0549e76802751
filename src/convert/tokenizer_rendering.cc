#include "convert/tokenizer_rendering.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tokenizer/known_regexes.h"

namespace trinity {
namespace {

Json ByteLevel() {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", false}};
}

Json Split(std::string_view regex) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", regex}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json PreTokenizerJson() {
  Json steps = Json::array();
  steps.push_back({{"type", "Digits"}, {"individual_digits", false}});
  for (const std::string_view regex : kTrinityDigitRegexes) steps.push_back(Split(regex));
  steps.push_back(Split(kTrinityScriptRegex));
  steps.push_back(Split(kTrinityWordRegex));
  steps.push_back(ByteLevel());
  return {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

Json SpecialPiece(const std::string& token, int type_id) {
  return {{"SpecialToken", {{"id", token}, {"type_id", type_id}}}};
}

Json SequencePiece(const char* id, int type_id) {
  return {{"Sequence", {{"id", id}, {"type_id", type_id}}}};
}

Json PostProcessorJson(const Tokenizer& tokenizer) {
  const PostProcessor& around = tokenizer.post_processor();
  Json single = Json::array(), pair = Json::array(), tokens = Json::object();
  const auto add = [&](Json& list, const std::vector<int32_t>& ids, int type_id) {
    for (const int32_t id : ids) {
      const std::string token = tokenizer.SpellingOf(id);
      list.push_back(SpecialPiece(token, type_id));
      tokens[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
    }
  };
  add(single, around.before, 0);
  single.push_back(SequencePiece("A", 0));
  add(single, around.after, 0);
  for (int text = 0; text < 2; ++text) {
    add(pair, around.before, text);
    pair.push_back(SequencePiece(text == 0 ? "A" : "B", text));
    add(pair, around.after, text);
  }
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(tokens)}};
}

Json AddedTokensJson(const Tokenizer& tokenizer) {
  Json list = Json::array();
  for (const AddedToken& token : tokenizer.added_tokens()) {
    list.push_back({{"id", token.id},
                    {"content", token.content},
                    {"single_word", false},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  }
  return list;
}

Json ModelJson(const Tokenizer& tokenizer) {
  // By the object's own vector: operator[] of an ordered object searches it from the start.
  Json::object_t vocabulary;
  vocabulary.reserve(static_cast<size_t>(tokenizer.num_tokens()));
  for (int32_t id = 0; static_cast<int64_t>(vocabulary.size()) < tokenizer.num_tokens(); ++id) {
    if (!tokenizer.HasToken(id)) continue;
    vocabulary.std::vector<std::pair<const std::string, Json>>::emplace_back(
        tokenizer.SpellingOf(id), id);
  }
  Json merges = Json::array();
  for (const TokenPair& pair : tokenizer.ListMerges()) {
    merges.push_back({tokenizer.SpellingOf(pair.left), tokenizer.SpellingOf(pair.right)});
  }
  Json json = {{"type", "BPE"},
               {"dropout", nullptr},
               {"unk_token", nullptr},
               {"continuing_subword_prefix", nullptr},
               {"end_of_word_suffix", nullptr},
               {"fuse_unk", false},
               {"byte_fallback", false},
               {"ignore_merges", false}};
  json["vocab"] = std::move(vocabulary);
  json["merges"] = std::move(merges);
  return json;
}

}  // namespace

Json RenderTokenizerJson(const Tokenizer& tokenizer) {
  TRINITY_CHECK(tokenizer.uses_trinity_pipeline());
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", AddedTokensJson(tokenizer)},
          {"normalizer", nullptr},
          {"pre_tokenizer", PreTokenizerJson()},
          {"post_processor", PostProcessorJson(tokenizer)},
          {"decoder", ByteLevel()},
          {"model", ModelJson(tokenizer)}};
}

}  // namespace trinity

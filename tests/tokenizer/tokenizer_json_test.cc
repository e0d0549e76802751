#include "tokenizer/tokenizer_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "tests/support/paths.h"
#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A small sound tokenizer.json: the byte symbols (ids 0..255), "ab" (256) and "<s>" (257).
Json Sound() {
  Json vocab = Json::object();
  for (int byte = 0; byte < 256; ++byte) vocab[SpellingOfByte(static_cast<uint8_t>(byte))] = byte;
  vocab["ab"] = 256;
  Json json = ParseJson(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 257, "content": "<s>", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": {"type": "Sequence", "normalizers": []},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": false},
      {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 0}}],
      "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [257], "tokens": ["<s>"]}}},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "merges": [["a", "b"]]}})",
                        "test");
  json["model"]["vocab"] = vocab;
  return json;
}

// What loading says about this text; empty if it loads.
std::string ErrorOfText(const std::string& text) {
  const TemporaryFolder folder;
  std::ofstream(folder / "tokenizer.json") << text;
  try {
    LoadTokenizerJson(folder / "tokenizer.json");
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("tokenizer.json")) << "without the file";
    EXPECT_THAT(e.what(), testing::Not(HasSubstr("\n")));
    return e.what();
  }
  return "";
}

// What loading says when the member at `pointer` is `value` instead.
std::string ErrorWith(const std::string& pointer, const std::string& value) {
  Json json = Sound();
  json[Json::json_pointer(pointer)] = Json::parse(value);
  return ErrorOfText(json.dump());
}

std::string ErrorWithout(const std::string& pointer, const std::string& key) {
  Json json = Sound();
  json[Json::json_pointer(pointer)].erase(key);
  return ErrorOfText(json.dump());
}

TEST(TokenizerJson, TheSoundOneLoads) { EXPECT_EQ(ErrorOfText(Sound().dump()), ""); }

TEST(TokenizerJson, MissingFieldsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "model"},
      {"", "pre_tokenizer"},
      {"", "decoder"},
      {"/model", "vocab"},
      {"/model", "merges"},
      {"/added_tokens/0", "id"},
      {"/added_tokens/0", "content"},
      {"/pre_tokenizer", "pretokenizers"},
      {"/pre_tokenizer/pretokenizers/0", "type"},
      {"/pre_tokenizer/pretokenizers/0", "pattern"},
      {"/pre_tokenizer/pretokenizers/0", "behavior"},
      {"/post_processor", "single"},
      {"/post_processor", "special_tokens"},
      {"/post_processor/special_tokens", "<s>"},
      {"/post_processor/special_tokens/<s>", "ids"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(ErrorWithout(test.first, test.second),
                HasSubstr("expected the member \"" + std::string(test.second) + "\", found none"))
        << test.first;
  }
}

TEST(TokenizerJson, WrongKindsAreNamedWithFieldExpectedAndFound) {
  const std::array<const char*, 3> cases[] = {
      {"/model", "[]", "model: expected an object, found a list"},
      {"/model/vocab", "[]", "model.vocab: expected an object, found a list"},
      {"/model/merges", "{}", "model.merges: expected a list, found an object"},
      {"/model/merges/0", "7", "model.merges[0]: expected two tokens, \"a b\" or [\"a\", \"b\"]"},
      {"/model/merges/0", "\"a\"", "model.merges[0]: expected two tokens"},
      {"/model/merges/0", "\"a b c\"", "model.merges[0]: expected two tokens"},
      {"/model/merges/0", "[\"a\",\"b\",\"c\"]", "model.merges[0]: expected two tokens"},
      {"/model/merges/0", "[\"a\",1]", "model.merges[0]: expected two tokens"},
      {"/model/ignore_merges", "\"no\"", "model.ignore_merges: expected true or false"},
      {"/model/unk_token", "3", "model.unk_token: expected a string, found 3"},
      {"/added_tokens", "{}", "added_tokens: expected a list, found an object"},
      {"/added_tokens/0", "\"<s>\"", "added_tokens[0]: expected an object, found \"<s>\""},
      {"/added_tokens/0/special", "1", "added_tokens[0].special: expected true or false, found 1"},
      {"/added_tokens/0/id", "1.5", "added_tokens[0].id: expected an id"},
      {"/added_tokens/0/id", "-1", "found -1"},
      {"/added_tokens/0/id", "18446744073709551615", "found 18446744073709551615"},
      {"/added_tokens/0/content", "\"\"", "added_tokens[0].content: expected 1 to 1024 bytes"},
      {"/pre_tokenizer/pretokenizers/0/invert", "0",
       "pre_tokenizer.pretokenizers[0].invert: expected true or false, found 0"},
      {"/pre_tokenizer/pretokenizers/0/pattern", "\"x\"", "pattern: expected an object"},
      {"/pre_tokenizer/pretokenizers/0/pattern", "{\"String\":\"\"}", "that is not empty"},
      {"/pre_tokenizer/pretokenizers/0/behavior", "\"Alone\"", "expected Isolated, Removed"},
      {"/post_processor/single", "\"$A\"", "post_processor.single: expected a list"},
      {"/post_processor/special_tokens/<s>/ids/0", "\"x\"", "expected an id"},
      {"/version", "\"2.0\"", "version: expected \"1.0\", found \"2.0\""},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(ErrorWith(test[0], test[1]), HasSubstr(test[2])) << test[0];
  }
  EXPECT_THAT(ErrorOfText("7"), HasSubstr("expected an object, found 7"));
}

TEST(TokenizerJson, PartsThatAreNotImplementedAreRefusedByName) {
  const std::array<const char*, 3> cases[] = {
      {"/normalizer", R"({"type":"NFC"})", "normalizer.type: expected none"},
      {"/normalizer/normalizers", R"([{"type":"Lowercase"}])",
       "normalizers[0].type: expected none, or Sequence of none, found \"Lowercase\""},
      {"/pre_tokenizer/pretokenizers/0", R"({"type":"Metaspace"})", "found \"Metaspace\""},
      {"/post_processor", R"({"type":"RobertaProcessing"})",
       "post_processor.type: expected ByteLevel, TemplateProcessing or Sequence, found "
       "\"RobertaProcessing\""},
      {"/decoder", R"({"type":"WordPiece"})", "decoder.type: expected ByteLevel"},
      {"/model/type", "\"Unigram\"", "model.type: expected BPE, found \"Unigram\""},
      {"/model/dropout", "0.1", "model.dropout: expected null or 0"},
      {"/model/continuing_subword_prefix", "\"##\"", "model.continuing_subword_prefix"},
      {"/model/end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix"},
      {"/truncation", R"({"max_length":5})", "truncation: expected null"},
      {"/padding", R"({"strategy":"x"})", "padding: expected null"},
      {"/added_tokens/0/single_word", "true", "added_tokens[0].single_word: expected false"},
      {"/model/surprise", "1", "the member \"surprise\" is not known"},
      {"/pre_tokenizer/pretokenizers/0/surprise", "1", "the member \"surprise\" is not known"},
      {"/surprise", "1", "the member \"surprise\" is not known"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT(ErrorWith(test[0], test[1]), HasSubstr(test[2])) << test[0];
  }
}

TEST(TokenizerJson, IdsThatAreDuplicateNegativeOrFarApartAreRefused) {
  EXPECT_THAT(ErrorWith("/model/vocab/ab", "7"), HasSubstr("\"ab\" has the id of another token"));
  EXPECT_THAT(ErrorWith("/model/vocab/ab", "-1"), HasSubstr("for \"ab\", found -1"));
  EXPECT_THAT(ErrorWith("/model/vocab/ab", "\"x\""), HasSubstr("for \"ab\", found \"x\""));
  EXPECT_THAT(ErrorWith("/model/vocab/ab", "2000000000"),
              HasSubstr("the id 2000000000 is too large for 258 tokens, expected at most 65793"));
  EXPECT_THAT(ErrorWith("/added_tokens/0/id", "2000000000"), HasSubstr("is too large"));
  EXPECT_THAT(ErrorWith("/added_tokens/0/id", "5"), HasSubstr("has the id of another token"));
  EXPECT_THAT(ErrorWith("/added_tokens/0/content", "\"ab\""),
              HasSubstr("expected the id 257 for added_tokens[0] \"ab\""));
  EXPECT_THAT(ErrorWith("/model/vocab/ab", "60000"), HasSubstr(""));  // gaps as such are fine
}

TEST(TokenizerJson, DuplicateKeysAreRefused) {
  std::string text = Sound().dump();
  const std::string vocab_end = "\"ab\":256";
  text.replace(text.find(vocab_end), vocab_end.size(), "\"ab\":256,\"ab\":258");
  EXPECT_THAT(ErrorOfText(text), HasSubstr("model.vocab: the token \"ab\" occurs twice"));
  std::string twice = Sound().dump();
  twice.replace(twice.find("\"padding\""), 9, "\"truncation\"");
  EXPECT_THAT(ErrorOfText(twice), HasSubstr("\"truncation\" occurs twice"));
  Json json = Sound();
  json["added_tokens"].push_back(json["added_tokens"][0]);
  EXPECT_THAT(ErrorOfText(json.dump()), HasSubstr("added_tokens[1].content: \"<s>\" occurs twice"));
}

TEST(TokenizerJson, EveryByteNeedsASymbol) {
  EXPECT_THAT(ErrorWithout("/model/vocab", "\u0120"),
              HasSubstr("found none for byte 0x20 (\"\u0120\")"));
}

TEST(TokenizerJson, MergesOfUnknownTokensOrWithUnknownProductsAreRefused) {
  EXPECT_THAT(ErrorWith("/model/merges/0", "[\"a\",\"zz\"]"),
              HasSubstr("model.merges[0]: expected tokens of the vocabulary, found \"zz\""));
  EXPECT_THAT(ErrorWith("/model/merges/0", "\"b a\""),
              HasSubstr("whose product is in the vocabulary, found \"b\" and \"a\""));
  EXPECT_THAT(ErrorWith("/model/merges", R"(["a b",["a","b"]])"),
              HasSubstr("model.merges[1]: the merge of \"a\" and \"b\" occurs twice"));
}

TEST(TokenizerJson, TemplatesNeedTheSequenceOnceAndIdsOfTokens) {
  EXPECT_THAT(ErrorWith("/post_processor/single", "[]"), HasSubstr("the sequence A once"));
  EXPECT_THAT(ErrorWith("/post_processor/single/1/Sequence/id", "\"B\""),
              HasSubstr("expected the sequence A once, found \"B\""));
  EXPECT_THAT(ErrorWith("/post_processor/special_tokens/<s>/ids/0", "9999"),
              HasSubstr("found 9999, which no token has"));
}

TEST(TokenizerJson, WhatIsNotJsonIsRefused) {
  for (const char* text : {"", "{", "{\"a\":}", "{}x", "\xff\xfe", "{\"a\":\"\xff\"}",
                           "{\"a\":\"\\ud800\"}", "\x1f\x8b\x08", "nul"}) {
    EXPECT_THAT(ErrorOfText(text), HasSubstr("not valid JSON")) << text;
  }
}

TEST(TokenizerJson, DeepNestingIsRefused) {
  EXPECT_THAT(ErrorOfText(std::string(1'000'000, '[') + std::string(1'000'000, ']')),
              HasSubstr("deeper than 64 levels"));
  EXPECT_THAT(ErrorOfText("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"),
              HasSubstr("deeper than 64 levels"));
  std::string nested = R"({"type":"ByteLevel"})";
  for (int i = 0; i < 9; ++i) nested = R"({"type":"Sequence","pretokenizers":[)" + nested + "]}";
  EXPECT_THAT(ErrorWith("/pre_tokenizer", nested), HasSubstr("steps in 8 levels"));
}

TEST(TokenizerJson, RegexesThatDoNotCompileAreRefusedWithTheirPlace) {
  EXPECT_THAT(ErrorWith("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"(\""),
              AllOf(HasSubstr("pre_tokenizer.pretokenizers[0].pattern.Regex"),
                    HasSubstr("does not compile")));
}

TEST(TokenizerJson, AFolderAFifoAndNoFileAreRefused) {
  const TemporaryFolder folder;
  const auto error_of = [&](const std::string& name) -> std::string {
    try {
      LoadTokenizerJson(folder / name);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  std::filesystem::create_directory(folder / "folder");
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(error_of("folder"), HasSubstr("expected a regular file, found a folder"));
  EXPECT_THAT(error_of("fifo"), HasSubstr("expected a regular file, found a FIFO"));
  EXPECT_THAT(error_of("none"), HasSubstr("cannot be opened"));
}

// Every cut must end in an Error, and so must every changed byte or it must load: none may crash.
TEST(TokenizerJson, CutAndDamagedFilesNeverCrash) {
  const std::string text = Sound().dump();
  for (size_t size = 0; size < text.size(); size += 97) {
    EXPECT_NE(ErrorOfText(text.substr(0, size)), "") << size;
  }
  for (size_t at = 0; at < text.size(); at += 31) {
    for (const char byte : {'\0', '"', '}', '9', '\xff'}) {
      std::string damaged = text;
      damaged[at] = byte;
      ErrorOfText(damaged);
    }
  }
}

}  // namespace
}  // namespace trinity

#include "tokenizer/tokenizer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::ThrowsMessage;

// A folder with tokenizer_config.json and others.
class Folder {
 public:
  explicit Folder(const std::string& tokenizer_config) {
    Write("tokenizer_config.json", tokenizer_config);
  }
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  TokenizerConfig Load() const { return TokenizerConfig::Load(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

TEST(TokenizerConfig, ReadsWhatTheBundledCheckpointSays) {
  const TokenizerConfig config = TokenizerConfig::Load(PicoFolder());
  EXPECT_EQ(config.bos_token, "<|begin_of_text|>");
  EXPECT_EQ(config.eos_token, "<|im_end|>");
  EXPECT_EQ(config.pad_token, "<|pad|>");
  EXPECT_EQ(config.add_bos_token, true);
  ASSERT_EQ(config.chat_templates.size(), 1u);
  EXPECT_EQ(config.chat_templates[0].first, "default");
  EXPECT_THAT(config.chat_templates[0].second, testing::StartsWith("{{- bos_token }}"));
}

TEST(TokenizerConfig, IsEmptyWithoutFiles) {
  const TemporaryFolder folder;
  const TokenizerConfig config = TokenizerConfig::Load(folder.path());
  EXPECT_EQ(config.bos_token, std::nullopt);
  EXPECT_TRUE(config.chat_templates.empty());
}

TEST(TokenizerConfig, TakesTokensAsStringsAndAsObjects) {
  Folder folder(R"({"bos_token":{"__type":"AddedToken","content":"<s>"},"eos_token":null})");
  folder.Write("special_tokens_map.json",
               R"({"bos_token":"<other>","eos_token":{"content":"</s>"}})");
  EXPECT_EQ(folder.Load().bos_token, "<s>");
  EXPECT_EQ(folder.Load().eos_token, "</s>");
}

TEST(TokenizerConfig, TemplateFilesTakeThePlaceOfTheOthers) {
  Folder folder(R"({"chat_template":[{"name":"tool_use","template":"T"},)"
                R"({"name":"default","template":"D"}]})");
  EXPECT_THAT(folder.Load().chat_templates,
              ElementsAre(Pair("default", "D"), Pair("tool_use", "T")));
  folder.Write("chat_template.jinja", "J");
  folder.Write("additional_chat_templates/rag.jinja", "R");
  folder.Write("additional_chat_templates/notes.txt", "N");
  EXPECT_THAT(folder.Load().chat_templates, ElementsAre(Pair("default", "J"), Pair("rag", "R")));
}

TEST(TokenizerConfig, NamesEverySpecialToken) {
  Folder folder(R"({"bos_token":"<s>","unk_token":{"content":"<unk>"},"image_token":"<img>",)"
                R"("add_bos_token":true,"other_token":7,)"
                R"("extra_special_tokens":{"video_token":"<vid>","eot":{"content":"<e>"}}})");
  folder.Write("special_tokens_map.json", R"({"unk_token":"<other>","sep_token":"<sep>"})");
  EXPECT_THAT(folder.Load().named_tokens,
              ElementsAre(Pair("bos_token", "<s>"), Pair("eot", "<e>"),
                          Pair("image_token", "<img>"), Pair("sep_token", "<sep>"),
                          Pair("unk_token", "<unk>"), Pair("video_token", "<vid>")));
}

TEST(TokenizerConfig, RefusesWrongKindsByFileKeyAndValue) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"bos_token":7})", "bos_token: expected a string or an object"},
      {R"({"eos_token":{"text":"x"}})", "eos_token: expected a string or an object"},
      {R"({"add_bos_token":"yes"})", "add_bos_token: expected true or false, found \"yes\""},
      {R"({"chat_template":5})", "chat_template: expected a string or a list"},
      {R"({"chat_template":[{"name":"x"}]})", "chat_template: expected objects"},
      {R"(["x"])", "expected an object"},
      {R"({"bos_token":"a","bos_token":"b"})", "\"bos_token\" twice"},
      {"{\"bos_token\":\"\xff\"}", "not valid JSON"},
      {"", "not valid JSON"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT([&test] { Folder(test.first).Load(); },
                ThrowsMessage<Error>(
                    testing::AllOf(HasSubstr("tokenizer_config.json"), HasSubstr(test.second))))
        << test.first;
  }
}

TEST(TokenizerConfig, RefusesTemplatesThatAreNotUtf8OrNoFiles) {
  Folder folder("{}");
  folder.Write("chat_template.jinja", "\xff");
  EXPECT_THAT([&] { folder.Load(); }, ThrowsMessage<Error>(HasSubstr("expected UTF-8")));
  Folder other("{}");
  other.Write("chat_template.jinja/x", "");
  EXPECT_THAT([&] { other.Load(); }, ThrowsMessage<Error>(HasSubstr("found a folder")));
}

}  // namespace
}  // namespace trinity

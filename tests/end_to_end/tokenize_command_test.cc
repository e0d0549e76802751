#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string Output(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  arguments.insert(arguments.begin(), "tokenize");
  const ProcessResult result = RunTrinity(arguments, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.out;
}

constexpr const char* kHelloIds =
    R"({"ids":[0,1344,32],"tokens":["<|begin_of_text|>","Hello","!"]})";

TEST(TokenizeCommand, ShowsIdsAndPieces) {
  EXPECT_THAT(Output({"Hello!"}),
              AllOf(HasSubstr("   1344  \"Hello\"\n"), HasSubstr("3 tokens: [0,1344,32]\n")));
}

TEST(TokenizeCommand, TakesModelAndTextInEveryWay) {
  const std::string expected = std::string(kHelloIds) + "\n";
  const std::string file = PicoFolder() + "/tokenizer.json";
  EXPECT_EQ(Output({"--json", "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", "-p", "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", PicoFolder(), "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", file, "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", "-m", PicoFolder(), "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", PicoFolder(), "-p", "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", PicoFolder() + "/model.safetensors", "Hello!"}), expected);
  EXPECT_EQ(Output({"--json"}, {.input = "Hello!"}), expected);
  EXPECT_EQ(Output({"--json", PicoFolder()}, {.input = "Hello!"}), expected);
  EXPECT_EQ(RunTrinity({"tokenize", PicoFolder(), "a", "-p", "b"}).exit_code, 2);
  EXPECT_EQ(RunTrinity({"tokenize", "/none", "-p", "b"}).exit_code, 1);
}

TEST(TokenizeCommand, AFolderWithNothingButTokenizerJsonIsEnough) {
  const TemporaryFolder folder;
  std::filesystem::copy_file(PicoFolder() + "/tokenizer.json", folder / "tokenizer.json");
  EXPECT_EQ(Output({"--json", folder.path(), "Hello!"}), std::string(kHelloIds) + "\n");
}

TEST(TokenizeCommand, LeavesSpecialTokensOut) {
  EXPECT_EQ(Output({"--json", "--no-special", "Hello!"}),
            "{\"ids\":[1344,32],\"tokens\":[\"Hello\",\"!\"]}\n");
  EXPECT_EQ(Output({"--decode", "0,1344,32"}), "<|begin_of_text|>Hello!\n");
  EXPECT_EQ(Output({"--decode", "0,1344,32", "--no-special"}), "Hello!\n");
}

TEST(TokenizeCommand, DecodesIdsHoweverTheyAreWritten) {
  for (const char* ids : {"1344,32", "1344 32", "[1344, 32]", " 1344 ,\t32\n"}) {
    EXPECT_EQ(Output({"--decode", ids}), "Hello!\n") << ids;
    EXPECT_EQ(Output({"--decode"}, {.input = ids}), "Hello!\n") << ids;
  }
  EXPECT_EQ(Output({"--decode=1344,32", PicoFolder(), "--json"}), "{\"text\":\"Hello!\"}\n");
  EXPECT_EQ(Output({PicoFolder(), "--decode", "1344,32"}), "Hello!\n");
  EXPECT_EQ(Output({"--decode", PicoFolder()}, {.input = "1344,32"}), "Hello!\n");
}

TEST(TokenizeCommand, RefusesWhatAreNoIds) {
  for (const char* ids : {"-1", "1,", ",1", "1,,2", "99999999999", "[]", "1]"}) {
    const ProcessResult result = RunTrinity({"tokenize", "--decode", ids});
    EXPECT_EQ(result.exit_code, 2) << ids;
    EXPECT_THAT(result.err, HasSubstr("token id")) << ids;
  }
}

TEST(TokenizeCommand, TranslatesJsonLinesBothWays) {
  const std::string texts = "\"Hello!\"\n\"\"\n\"a\\nb \\u00e9 \\ud83d\\ude42\"\n";
  const std::string ids = Output({"--jsonl", "--no-special"}, {.input = texts});
  EXPECT_THAT(ids, testing::StartsWith("[1344,32]\n[]\n["));
  EXPECT_EQ(Output({"--jsonl", "--decode"}, {.input = ids}),
            "\"Hello!\"\n\"\"\n\"a\\nb \xc3\xa9 \xf0\x9f\x99\x82\"\n");
  EXPECT_EQ(Output({PicoFolder(), "--decode", "--jsonl"}, {.input = "[1344,32]"}), "\"Hello!\"\n");
}

TEST(TokenizeCommand, NamesTheBadLine) {
  const auto error_of = [](const std::vector<std::string>& arguments, const std::string& input) {
    const ProcessResult result = RunTrinity(arguments, {.input = input});
    EXPECT_EQ(result.exit_code, 1);
    return result.err;
  };
  EXPECT_THAT(error_of({"tokenize", "--jsonl"}, "\"a\"\n17\n"),
              HasSubstr("stdin: line 2: expected a JSON string"));
  EXPECT_THAT(error_of({"tokenize", "--jsonl"}, "\"a\n"), HasSubstr("stdin: line 1: "));
  EXPECT_THAT(error_of({"tokenize", "--jsonl"}, "\n"), HasSubstr("stdin: line 1: "));
  EXPECT_THAT(error_of({"tokenize", "--jsonl", "--decode"}, "[1]\n[-1]\n"),
              HasSubstr("stdin: line 2: expected a token id, found -1"));
  EXPECT_THAT(error_of({"tokenize", "--jsonl", "--decode"}, "[1e3]\n"), HasSubstr("line 1"));
}

TEST(TokenizeCommand, EndsQuietlyWhenItsReaderGoesAway) {
  std::string texts;
  for (int i = 0; i < 20000; ++i) texts += "\"What is a violin?\"\n";
  const ProcessResult result =
      RunTrinity({"tokenize", "--jsonl"}, {.input = texts, .close_output_after = 10});
  EXPECT_EQ(result.exit_code, 141);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace trinity

#include "chat/reasoning.h"

#include <gtest/gtest.h>

namespace trinity {
namespace {

std::string Shown(const std::vector<ReasoningStream::Part>& parts) {
  std::string text;
  for (const ReasoningStream::Part& part : parts) {
    text += part.is_reasoning ? "[" + part.text + "]" : part.text;
  }
  return text;
}

// What is shown of a text that comes in pieces of `size` bytes.
std::string Stream(std::string_view text, bool begins_in_reasoning, size_t size) {
  ReasoningStream stream(begins_in_reasoning);
  std::string shown;
  for (size_t at = 0; at < text.size(); at += size) {
    shown += Shown(stream.Append(text.substr(at, size)));
  }
  shown += Shown(stream.Finish());
  for (size_t at = 0; (at = shown.find("][", at)) != shown.npos;) shown.erase(at, 2);
  return shown;
}

TEST(Reasoning, StreamTellsReasoningFromContentWhereverTheTextIsCut) {
  const struct {
    const char* text;
    bool begins_in_reasoning;
    const char* shown;
  } cases[] = {
      {"<think>\na b\n</think>\n\nYes.\n", false, "[a b]Yes.\n"},
      {" \n<think>a</think>b", false, "[a]b"},
      {"a < b\n</think>\nc", true, "[a < b]c"},
      {"a </thin b", true, "[a </thin b]"},
      {"plain <think> text", false, "plain <think> text"},
      {"<thin", false, "<thin"},
      {"<think>", false, ""},
      {"</think>x", true, "x"},
      {"  x", false, "  x"},
      {"a</think>b</think>c", true, "[a]b</think>c"},
      {"", true, ""},
      {"<think>a</think>b", true, "[a]b"},
      {"<thin", true, "[<thin]"},
  };
  for (const auto& test : cases) {
    for (const size_t size : {1, 2, 3, 5, 100}) {
      EXPECT_EQ(Stream(test.text, test.begins_in_reasoning, size), test.shown)
          << test.text << " in pieces of " << size;
    }
  }
}

TEST(Reasoning, ContentIsReleasedAtOnce) {
  ReasoningStream stream(false);
  EXPECT_EQ(Shown(stream.Append("Hello")), "Hello");
  EXPECT_EQ(Shown(stream.Append(" <")), " <");
}

TEST(Reasoning, AnswersAreSplitAtTheClosingTag) {
  const auto split = [](std::string_view text, bool begins) {
    const ReasonedAnswer answer = SplitReasoning(text, begins);
    return answer.reasoning + "|" + answer.content;
  };
  EXPECT_EQ(split("<think>\na\n</think>\n\nb\n", false), "a|b\n");
  EXPECT_EQ(split("a\n</think>\n\nb", true), "a|b");
  EXPECT_EQ(split("a\n</think>b", false), "a|b");
  EXPECT_EQ(split("<think>a", false), "a|");
  EXPECT_EQ(split("a", true), "a|");
  EXPECT_EQ(split(" a ", false), "| a ");
}

TEST(Reasoning, APromptMayHaveOpenedIt) {
  EXPECT_TRUE(BeginsInReasoning("<|im_start|>assistant\n<think>\n"));
  EXPECT_FALSE(BeginsInReasoning("<think>\n\n</think>\n"));
  EXPECT_FALSE(BeginsInReasoning(" "));
}

}  // namespace
}  // namespace trinity

#include "chat/chat_ml.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

TEST(ChatMl, EqualsTheTemplateOfTheBundledCheckpointOnSimpleChats) {
  std::ifstream file(TestData("chat/simple_prompts.jsonl"));
  int num_lines = 0;
  for (std::string line; std::getline(file, line); ++num_lines) {
    const Json golden = ParseJson(line, "simple_prompts.jsonl");
    std::vector<ChatMessage> messages;
    for (const Json& message : golden["messages"]) {
      messages.push_back({message["role"], message["content"]});
    }
    EXPECT_EQ(RenderChatMl(messages, "<|begin_of_text|>", GenerationPrompt::kAdd),
              golden["prompt"].get<std::string>());
  }
  EXPECT_EQ(num_lines, 18);
}

TEST(ChatMl, LeavesTheGenerationPromptOut) {
  const std::vector<ChatMessage> messages = {{"user", "hi"}, {"assistant", "yes"}};
  EXPECT_EQ(RenderChatMl(messages, "", GenerationPrompt::kLeaveOut),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n");
}

}  // namespace
}  // namespace trinity

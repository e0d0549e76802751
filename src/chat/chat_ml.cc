#include "chat/chat_ml.h"

namespace trinity {

std::string RenderChatMl(std::span<const ChatMessage> messages, std::string_view bos_token,
                         GenerationPrompt generation_prompt) {
  std::string prompt(bos_token);
  for (const ChatMessage& message : messages) {
    prompt += "<|im_start|>" + message.role + "\n" + message.content + "<|im_end|>\n";
  }
  if (generation_prompt == GenerationPrompt::kAdd) prompt += "<|im_start|>assistant\n";
  return prompt;
}

}  // namespace trinity

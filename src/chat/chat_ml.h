#pragma once

#include <span>
#include <string>
#include <string_view>

namespace trinity {

struct ChatMessage {
  std::string role;
  std::string content;
};

// Whether a prompt ends with the beginning of the assistant's next message.
enum class GenerationPrompt { kAdd, kLeaveOut };

// The ChatML layout that the Trinity templates share, for conversations without tools and
// reasoning: bos_token, then "<|im_start|>role\ncontent<|im_end|>\n" for each message.
std::string RenderChatMl(std::span<const ChatMessage> messages, std::string_view bos_token,
                         GenerationPrompt generation_prompt);

}  // namespace trinity

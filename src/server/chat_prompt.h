#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/request_body.h"
#include "server/served_model.h"

namespace trinity {

// A conversation as the model reads it.
struct ChatPrompt {
  std::string text;  // with marks of UserText
  std::vector<int32_t> ids;
  std::vector<int64_t> turn_ends;  // as EngineRequest has them
};

// What the template makes of messages, chat_template_kwargs, add_generation_prompt and
// continue_final_message of a request. Throws ApiError or Error.
std::string RenderChatPrompt(const RequestBody& body, const ServedModel& model);

ChatPrompt EncodeChatPrompt(const RequestBody& body, const ServedModel& model);

}  // namespace trinity

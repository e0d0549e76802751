#include "server/chat_prompt.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "chat/shielded_messages.h"
#include "server/api_error.h"
#include "tokenizer/user_text.h"

namespace trinity {
namespace {

void CheckContent(size_t index, const Json& content) {
  if (content.is_null() || content.is_string()) return;
  if (!content.is_array()) {
    RefuseField("messages",
                fmt::format("[{}].content: expected a string or an array of parts, found {}", index,
                            FoundText(content)));
  }
  for (const Json& part : content) {
    const bool has_type = part.is_object() && part.contains("type") && part["type"].is_string();
    if (!has_type || part["type"] != "text") {
      RefuseField("messages", fmt::format("[{}].content: expected parts of type text, found {}",
                                          index, FoundText(has_type ? part["type"] : part)));
    }
    if (!part.contains("text") || !part["text"].is_string()) {
      RefuseField("messages", fmt::format("[{}].content: expected a text in each part, found {}",
                                          index, FoundText(part)));
    }
  }
}

// The parts of a content are one text: templates for text know nothing else.
void JoinParts(Json& content) {
  if (!content.is_array()) return;
  std::string text;
  for (const Json& part : content) text += part["text"].get_ref<const std::string&>();
  content = text;
}

Json ReadMessages(const RequestBody& body) {
  constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                      "tool"};
  Json messages = *body.Find("messages");
  for (size_t i = 0; i < messages.size(); ++i) {
    Json& message = messages[i];
    const auto role = message.find("role");
    if (role == message.end() || !role->is_string() ||
        std::find(kRoles.begin(), kRoles.end(), role->get_ref<const std::string&>()) ==
            kRoles.end()) {
      RefuseField(
          "messages",
          fmt::format("[{}].role: expected system, developer, user, assistant or tool, found {}", i,
                      role == message.end() ? "none" : FoundText(*role)));
    }
    // The newer name of the same role, which templates do not know.
    if (*role == "developer") *role = "system";
    for (const char* field : {"tool_calls", "function_call"}) {
      if (message.contains(field) && !message[field].is_null() && !message[field].empty()) {
        RefuseField("messages", fmt::format("[{}].{}: tool calls are not implemented", i, field));
      }
    }
    if (*role == "tool") RefuseField("messages", fmt::format("[{}]: tools are not implemented", i));
    if (!message.contains("content") || (message["content"].is_null() && *role != "assistant")) {
      RefuseField("messages", fmt::format("[{}].content: expected a text, found none", i));
    }
    CheckContent(i, message["content"]);
    if (message["content"].is_null()) message["content"] = "";
    JoinParts(message["content"]);
  }
  return messages;
}

// As transformers: the prompt ends where the content of the last message does.
void CutAfterFinalContent(const Json& messages, std::string& text) {
  const auto& content = messages.back()["content"].get_ref<const std::string&>();
  size_t size = content.size();
  size_t at = text.rfind(content);
  if (at == text.npos) {
    const size_t end = content.find_last_not_of(" \t\r\n");
    size = end == content.npos ? 0 : end + 1;
    at = text.rfind(std::string_view(content).substr(0, size));
  }
  if (size == 0 || at == text.npos) {
    RefuseField("continue_final_message",
                "expected a last message whose content the template writes");
  }
  text.erase(at + size);
}

// A turn ends where the next one begins: at the first special token after the one that ends it.
std::vector<int64_t> FindTurnEnds(const std::vector<int32_t>& ids, const ServedModel& model) {
  std::vector<int64_t> ends;
  bool has_ended = false;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (has_ended && model.tokenizer.IsSpecial(ids[i])) {
      ends.push_back(static_cast<int64_t>(i));
      has_ended = false;
    }
    if (std::binary_search(model.stop_ids.begin(), model.stop_ids.end(), ids[i])) has_ended = true;
  }
  return ends;
}

// The template's own refusals, without the file that it stands in.
std::string Render(const PromptFormat& format, const ChatRequest& request) {
  for (const char* name : {"messages", "tools", "add_generation_prompt"}) {
    if (request.kwargs != nullptr && request.kwargs->contains(name)) {
      RefuseField(
          "chat_template_kwargs",
          fmt::format("expected variables that have no field of their own, found {}", name));
    }
  }
  try {
    return format.Render(request);
  } catch (const Error& error) {
    const std::string_view message = error.what();
    const size_t at = message.find("chat template: ");
    RefuseField("messages", at == message.npos ? "the chat template cannot render them"
                                               : std::string(message.substr(at)));
  }
}

}  // namespace

std::string RenderChatPrompt(const RequestBody& body, const ServedModel& model) {
  if (model.format == nullptr) {
    throw ApiError(400, fmt::format("{} has no chat template: expected /v1/completions", model.id),
                   "model");
  }
  const Json messages = ShieldMessages(ReadMessages(body), UserText(model.tokenizer));
  const bool continues = body.FindBoolean("continue_final_message").value_or(false);
  ChatRequest request{messages};
  request.kwargs = body.Find("chat_template_kwargs");
  request.add_generation_prompt = body.FindBoolean("add_generation_prompt").value_or(!continues);
  if (continues && request.add_generation_prompt) {
    RefuseField("continue_final_message", "expected add_generation_prompt to be false beside it");
  }
  std::string text = Render(*model.format, request);
  if (continues) CutAfterFinalContent(messages, text);
  return text;
}

ChatPrompt EncodeChatPrompt(const RequestBody& body, const ServedModel& model) {
  ChatPrompt prompt;
  prompt.text = RenderChatPrompt(body, model);
  prompt.ids = UserText(model.tokenizer).Encode(prompt.text);  // the template writes BOS
  if (prompt.ids.empty()) RefuseField("messages", "the chat template makes no prompt of them");
  prompt.turn_ends = FindTurnEnds(prompt.ids, model);
  return prompt;
}

}  // namespace trinity

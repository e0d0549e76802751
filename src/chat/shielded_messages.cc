#include "chat/shielded_messages.h"

#include <nlohmann/json.hpp>
#include <string>

namespace trinity {
namespace {

void ShieldText(Json& holder, const char* key, const UserText& user_text) {
  const auto text = holder.find(key);
  if (text == holder.end() || !text->is_string()) return;
  *text = user_text.Shield(text->get_ref<const std::string&>());
}

}  // namespace

Json ShieldMessages(const Json& messages, const UserText& user_text) {
  Json shielded = messages;
  for (Json& message : shielded) {
    const auto role = message.find("role");
    if (role != message.end() && *role == "assistant") continue;
    ShieldText(message, "content", user_text);
    const auto content = message.find("content");
    if (content == message.end() || !content->is_array()) continue;
    for (Json& part : *content) {
      if (part.is_object()) ShieldText(part, "text", user_text);
    }
  }
  return shielded;
}

}  // namespace trinity

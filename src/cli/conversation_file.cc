#include "cli/conversation_file.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace trinity {
namespace {

void CheckText(const Json& value, std::string_view where) {
  if (!value.is_string()) {
    Fail("{}: expected a text, found {}", where, Printable(value.dump()));
  }
}

void CheckMessage(const Json& message, std::string_view role, std::string_view where) {
  if (!message.is_object()) Fail("{}: expected an object, found {}", where, message.type_name());
  for (const auto& [key, value] : message.items()) {
    const bool is_known =
        key == "role" || key == "content" || (key == "reasoning_content" && role == "assistant");
    if (!is_known) Fail("{}: unknown member \"{}\"", where, Printable(key));
    CheckText(value, fmt::format("{}: {}", where, key));
  }
  for (const char* key : {"role", "content"}) {
    if (!message.contains(key)) Fail("{}: expected the member {}, found none", where, key);
  }
  if (message["role"] != role) {
    Fail("{}: role: expected {}, found {}", where, role, Printable(message["role"].dump()));
  }
}

}  // namespace

void SaveConversation(const std::string& path, const Json& messages) {
  AtomicFile file(path);
  const Json json = {{"messages", messages}};
  file.Append(json.dump(2) + "\n");
  file.Commit();
}

Json ParseConversation(std::string_view text, std::string_view origin) {
  Json json = ParseJson(text, origin);
  if (!json.is_object() || json.size() != 1 || !json.contains("messages") ||
      !json["messages"].is_array()) {
    Fail("{}: expected an object with the array \"messages\" and nothing else", origin);
  }
  const Json& messages = json["messages"];
  const bool has_system = !messages.empty() && messages[0].is_object() &&
                          messages[0].contains("role") && messages[0]["role"] == "system";
  for (size_t i = 0; i < messages.size(); ++i) {
    const bool is_user = (i - (has_system ? 1 : 0)) % 2 == 0;
    const std::string_view role = has_system && i == 0 ? "system" : is_user ? "user" : "assistant";
    CheckMessage(messages[i], role, fmt::format("{}: message {}", origin, i + 1));
  }
  if ((messages.size() - (has_system ? 1 : 0)) % 2 != 0) {
    Fail("{}: expected an answer to the last message, found none", origin);
  }
  return messages;
}

Json LoadConversation(const std::string& path) {
  return ParseConversation(ReadTextFile(path), Printable(path, 1000));
}

}  // namespace trinity

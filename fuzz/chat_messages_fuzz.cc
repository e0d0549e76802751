// A conversation as it comes in a request: JSON of messages, tools, documents and kwargs, rendered
// by the bundled checkpoint's template and by one that uses tools and reasoning.

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/file.h"
#include "base/utf8.h"
#include "chat/chat_template.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"

namespace trinity {
namespace {

ChatTemplate LoadTemplate(const std::string& path) {
  return ChatTemplate::Parse(ReadTextFile(TRINITY_SOURCE_DIR "/" + path), "template",
                             {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
}

std::optional<Json> ParsePart(std::string_view part) {
  if (part.empty()) return std::nullopt;
  return ParseJson(part, "request");
}

const Json* PointerTo(const std::optional<Json>& json) { return json ? &*json : nullptr; }

void CheckRequest(const std::vector<std::string_view>& parts) {
  static const ChatTemplate templates[] = {
      LoadTemplate("models/trinity-pico/chat_template.jinja"),
      LoadTemplate("tests/data/chat/styles/thinking_history.jinja"),
      LoadTemplate("tests/data/chat/styles/xml_tools.jinja")};
  Accepts([&] {
    const Json messages = ParseJson(parts[0], "messages");
    const std::optional<Json> tools = ParsePart(parts[1]), documents = ParsePart(parts[2]),
                              kwargs = ParsePart(parts[3]);
    for (const ChatTemplate& chat_template : templates) {
      Accepts([&] {
        const std::string prompt = chat_template.Render(
            {messages, PointerTo(tools), PointerTo(documents), PointerTo(kwargs), true});
        TRINITY_CHECK(IsUtf8(prompt) && messages.is_array());
      });
    }
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckRequest(trinity::InputParts(data, size, 4));
  return 0;
}

#include "chat/chat_template.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {
namespace {

void CheckArray(const Json& json, std::string_view name, std::string_view what) {
  if (!json.is_array()) Fail("{}: {}: expected an array, found {}", name, what, json.type_name());
}

}  // namespace

ChatTemplate::ChatTemplate(jinja::JinjaTemplate compiled, std::string name,
                           const Json& special_tokens)
    : compiled_(std::move(compiled)),
      name_(std::move(name)),
      special_tokens_(std::make_unique<Json>(special_tokens)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

ChatTemplate ChatTemplate::Parse(std::string_view text, std::string name,
                                 const Json& special_tokens) {
  if (!special_tokens.is_object()) Fail("{}: special tokens: expected an object", name);
  return ChatTemplate(jinja::JinjaTemplate::Parse(text, name), name, special_tokens);
}

std::string ChatTemplate::Render(const ChatRequest& request, const jinja::RenderLimits& limits,
                                 const jinja::Clock& clock) const {
  CheckArray(request.messages, name_, "messages");
  if (request.tools != nullptr) CheckArray(*request.tools, name_, "tools");
  if (request.documents != nullptr) CheckArray(*request.documents, name_, "documents");
  Json context = *special_tokens_;
  for (const char* name : {"messages", "tools", "documents", "add_generation_prompt"}) {
    const bool is_free = request.documents == nullptr && std::string_view(name) == "documents";
    if (request.kwargs != nullptr && request.kwargs->contains(name) && !is_free) {
      Fail("{}: template kwargs: {} has a place of its own", name_, name);
    }
  }
  context["messages"] = request.messages;
  context["tools"] = request.tools == nullptr ? Json() : *request.tools;
  context["documents"] = request.documents == nullptr ? Json() : *request.documents;
  context["add_generation_prompt"] = request.add_generation_prompt;
  if (request.kwargs != nullptr) {
    if (!request.kwargs->is_object()) {
      Fail("{}: template kwargs: expected an object, found {}", name_, request.kwargs->type_name());
    }
    for (const auto& [name, value] : request.kwargs->items()) context[name] = value;
  }
  return compiled_.Render(context, limits, clock);
}

}  // namespace trinity

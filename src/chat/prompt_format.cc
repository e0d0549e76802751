#include "chat/prompt_format.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace trinity {
namespace {

// The layout that the Trinity templates share. What it has no place for is refused: a model that
// was told of no tools would make some up.
constexpr std::string_view kChatMl =
    R"({% if tools %}
{{- raise_exception('the model brings no chat template, so it takes no tools') }}
{%- endif %}
{{- bos_token }}
{%- for message in messages %}
{%- if message.content is not string %}
{{- raise_exception('the model brings no chat template, so each content must be a string') }}
{%- endif %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})";

Json ToJson(const std::map<std::string, std::string>& special_tokens) {
  Json json = Json::object();
  for (const auto& [name, text] : special_tokens) json[name] = text;
  return json;
}

const std::string* FindText(const TokenizerConfig& config, std::string_view name) {
  for (const auto& [known, text] : config.chat_templates) {
    if (known == name) return &text;
  }
  return nullptr;
}

}  // namespace

PromptFormat::PromptFormat(ChatTemplate chat_template, std::string_view text)
    : template_(std::move(chat_template)),
      takes_reasoning_(text.find("reasoning") != std::string_view::npos) {}

PromptFormat PromptFormat::Parse(std::string_view text, const std::string& name,
                                 const std::map<std::string, std::string>& special_tokens) {
  return {ChatTemplate::Parse(text, name, ToJson(special_tokens)), text};
}

std::optional<PromptFormat> PromptFormat::Find(const TokenizerConfig& config,
                                               const Tokenizer* tokenizer,
                                               const std::string& origin) {
  const Json tokens = ToJson(config.named_tokens);
  if (config.chat_templates.empty()) {
    if (tokenizer == nullptr || !tokenizer->FindToken("<|im_start|>") ||
        !tokenizer->FindToken("<|im_end|>")) {
      return std::nullopt;
    }
    PromptFormat format(ChatTemplate::Parse(kChatMl, origin + ": ChatML", tokens), kChatMl);
    format.is_assumed_ = true;
    return format;
  }
  const std::string* text = FindText(config, "default");
  if (text == nullptr) {
    Fail("{}: chat templates: expected one named default among {}, found none", origin,
         config.chat_templates.size());
  }
  const std::string name = origin + ": chat template";
  PromptFormat format(ChatTemplate::Parse(*text, name, tokens), *text);
  if (const std::string* tool_text = FindText(config, "tool_use")) {
    format.tool_template_ = ChatTemplate::Parse(*tool_text, name + " tool_use", tokens);
  }
  return format;
}

std::string PromptFormat::Render(const ChatRequest& request) const {
  const bool uses_tools = request.tools != nullptr && tool_template_;
  return (uses_tools ? *tool_template_ : template_).Render(request);
}

}  // namespace trinity

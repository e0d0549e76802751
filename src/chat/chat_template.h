#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "chat/jinja/jinja_template.h"

namespace trinity {

// What one prompt is made of, under the names of transformers' apply_chat_template. Contents are as
// they came in a request: the template decides what they must look like.
struct ChatRequest {
  const Json& messages;             // an array
  const Json* tools = nullptr;      // an array; absent: None
  const Json* documents = nullptr;  // an array; absent: that of kwargs, else None
  const Json* kwargs = nullptr;     // an object of more variables, enable_thinking, say
  bool add_generation_prompt = true;
};

// A checkpoint's chat template: messages to the text of a prompt. Threads may share one.
class ChatTemplate {
 public:
  // `name` stands in messages. `special_tokens` is an object of texts, bos_token and eos_token
  // among them, that the template finds as variables. Throws Error for what is no template.
  static ChatTemplate Parse(std::string_view text, std::string name, const Json& special_tokens);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // Throws Error where the template fails, where messages or kwargs have the wrong type, and where
  // kwargs name a variable that the request gives. Other kwargs go before special tokens.
  std::string Render(const ChatRequest& request, const jinja::RenderLimits& limits = {},
                     const jinja::Clock& clock = jinja::LocalTimeNow) const;

  // Whether it reads a variable of this name, enable_thinking, say.
  bool Reads(const std::string& variable) const { return compiled_.Reads(variable); }

 private:
  ChatTemplate(jinja::JinjaTemplate compiled, std::string name, const Json& special_tokens);

  jinja::JinjaTemplate compiled_;
  std::string name_;
  std::unique_ptr<Json> special_tokens_;
};

}  // namespace trinity

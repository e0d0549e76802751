#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/chat_template.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {

// How one model wants its conversations written: its chat templates with the special tokens that
// they find as variables. Threads may share one.
class PromptFormat {
 public:
  // What the files of a model say; ChatML where they hold no template and the tokenizer (nullptr:
  // none) has ChatML's tokens; else absent. `origin` (folder or file) stands in messages. Throws
  // Error for templates that are none, and where there are several and none is the default.
  static std::optional<PromptFormat> Find(const TokenizerConfig& config, const Tokenizer* tokenizer,
                                          const std::string& origin);

  // One template that the user has named.
  static PromptFormat Parse(std::string_view text, const std::string& name,
                            const std::map<std::string, std::string>& special_tokens);

  // As ChatTemplate::Render. Where tools are given and the model has a template named tool_use,
  // that one renders, as in transformers.
  std::string Render(const ChatRequest& request) const;

  // Whether it reads a variable of this name, enable_thinking, say.
  bool Reads(const std::string& variable) const { return template_.Reads(variable); }
  // Whether it takes the reasoning of earlier answers apart from their content.
  bool TakesReasoning() const { return takes_reasoning_; }
  // The model brought no template.
  bool is_assumed() const { return is_assumed_; }

 private:
  PromptFormat(ChatTemplate chat_template, std::string_view text);

  ChatTemplate template_;
  std::optional<ChatTemplate> tool_template_;
  bool takes_reasoning_;
  bool is_assumed_ = false;
};

}  // namespace trinity

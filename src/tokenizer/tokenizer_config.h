#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace trinity {

// What tokenizer_config.json, special_tokens_map.json and the template files say beyond
// tokenizer.json; all optional.
struct TokenizerConfig {
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  std::optional<std::string> pad_token;
  // All tokens that the files name, these three too: what templates find as variables. Besides
  // "unk_token" and its like these are other strings of a name ending in "_token", and the members
  // of extra_special_tokens where that is an object.
  std::map<std::string, std::string> named_tokens;
  std::optional<bool> add_bos_token;
  // (name, template), "default" first. Where chat_template.jinja or
  // additional_chat_templates/*.jinja are there, those of tokenizer_config.json do not count.
  std::vector<std::pair<std::string, std::string>> chat_templates;

  // Reads what is there in `folder`; a folder without these files gives an empty config. Values of
  // the wrong kind are refused by file, key and value.
  static TokenizerConfig Load(const std::string& folder);

  // The same from the metadata of a GGUF file: special tokens by their ids, templates of
  // tokenizer.chat_template and tokenizer.chat_template.NAME.
  static TokenizerConfig FromGguf(const Json& metadata, const std::string& origin);
};

}  // namespace trinity

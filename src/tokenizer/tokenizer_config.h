#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace trinity {

// What tokenizer_config.json and special_tokens_map.json say beyond tokenizer.json; all optional.
struct TokenizerConfig {
  std::optional<std::string> bos_token;
  std::optional<std::string> eos_token;
  std::optional<std::string> pad_token;
  std::optional<bool> add_bos_token;
  // (name, template); a single template has the name "default". chat_template.jinja comes first.
  std::vector<std::pair<std::string, std::string>> chat_templates;

  // Reads what is there in `folder`; a folder without these files gives an empty config.
  static TokenizerConfig Load(const std::string& folder);
};

// generation_config.json: which ids end a text, and the sampling that the authors advise.
struct GenerationConfig {
  std::vector<int32_t> eos_token_ids;
  std::optional<int32_t> bos_token_id;
  std::optional<int32_t> pad_token_id;
  std::optional<bool> do_sample;
  std::optional<double> temperature;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> typical_p;
  std::optional<double> repetition_penalty;
  std::optional<int64_t> max_new_tokens;

  // Values of the wrong kind or out of range are refused by file, key and value.
  static GenerationConfig Load(const std::string& folder);
};

}  // namespace trinity

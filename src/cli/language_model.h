#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/prompt_format.h"
#include "checkpoint/checkpoint.h"
#include "generate/sampling_defaults.h"
#include "model/config.h"
#include "tokenizer/generation_config.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {

// Everything of a model but its weights: what turns text into ids and back, messages into a prompt,
// and says how to pick tokens and when to end. Shared by the commands that answer.
struct LanguageModel {
  // `path` is a model's folder or file. Throws Error for what cannot be read or is refused.
  static LanguageModel Open(const std::string& path);

  // The chat format. Throws Error with the advice --raw where the model has none.
  const PromptFormat& format() const;

  Checkpoint checkpoint;
  Config config;
  Tokenizer tokenizer;
  TokenizerConfig tokenizer_config;
  GenerationConfig generation_config;
  std::optional<PromptFormat> found_format;
  SamplingDefaults sampling_defaults;
  // What the files say, and the ends of turn and text that models of this family emit even where no
  // file names them. Ascending.
  std::vector<int32_t> stop_ids;
  int64_t num_tokens;  // one above the highest id that stands for something
};

// Text by which templates know special tokens: those that the files name, or, where no file names
// any, the BOS token of config.json.
std::map<std::string, std::string> FindSpecialTokens(const TokenizerConfig& tokenizer_config,
                                                     const Tokenizer& tokenizer,
                                                     std::optional<int64_t> bos_token_id);

}  // namespace trinity

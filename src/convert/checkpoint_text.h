#pragma once

#include <optional>
#include <string>

#include "tokenizer/generation_config.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {

// What belongs to a model beside its weights and its config.
struct CheckpointText {
  std::optional<Tokenizer> tokenizer;
  TokenizerConfig tokenizer_config;
  GenerationConfig generation_config;
  std::string name;  // of the model, for people
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat/prompt_format.h"
#include "generate/sampling_options.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// What a server knows of its model. Tokenizer and format must outlive it.
struct ServedModel {
  std::string id;                    // the name in answers
  std::vector<std::string> aliases;  // further names under which requests may ask for it
  const Tokenizer& tokenizer;
  const PromptFormat* format;  // nullptr: it was not made for chat
  SamplingOptions sampling_defaults;
  std::vector<int32_t> stop_ids;
  int64_t num_tokens = 0;   // one above the highest id that stands for something
  int64_t vocab_size = 0;   // rows of the head
  int64_t hidden_size = 0;  // of an embedding
  int64_t max_context = 0;  // tokens of prompt and answer together
  int64_t created_s = 0;    // Unix time at which it was loaded
};

}  // namespace trinity

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "measure/verify.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// The prompts that a model without a golden is tried with.
inline constexpr std::array<std::string_view, 3> kStandardPrompts = {
    "Hello, how are you?", "Explain quantum computing in simple terms.",
    "Write a Python function to calculate fibonacci numbers."};

struct ScoredToken {
  int32_t id = 0;
  float logit = 0;
};

// What a model makes of one prompt, encoded with its special tokens and without a chat template.
struct PromptReport {
  std::string prompt;
  std::vector<int32_t> prompt_ids;
  std::vector<ScoredToken> best;  // the five best first tokens
  std::vector<int32_t> greedy;    // five tokens
  bool is_finite = true;          // no logit of any position is NaN or infinite
  bool decode_is_prefill = true;  // token by token gives the logits of one prefill, to the bit

  bool Passed() const { return is_finite && decode_is_prefill; }
};

// Throws Error where the context is too short for the prompt.
PromptReport CheckPrompt(const Model& model, const Tokenizer& tokenizer, std::string_view prompt,
                         const VerifyOptions& options);

}  // namespace trinity

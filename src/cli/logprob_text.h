#pragma once

#include <span>
#include <string>

#include "base/json.h"
#include "generate/token_logprobs.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// For each token {"id", "token", "logprob", "top": [{"id", "token", "logprob"}, ...]}. Tokens are
// text, with U+FFFD for parts of characters.
Json LogprobsJson(std::span<const TokenLogprobs> logprobs, const Tokenizer& tokenizer);

// One line a token, for people; empty where there are none.
std::string LogprobsText(std::span<const TokenLogprobs> logprobs, const Tokenizer& tokenizer);

}  // namespace trinity

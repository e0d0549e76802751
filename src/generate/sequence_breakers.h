#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace trinity {

// What ends a passage for DRY unless something else is asked for, as in llama.cpp.
std::vector<std::string> DefaultSequenceBreakers();

// The token sequences that stand for `texts`: each token that holds one of them, and where a text
// may begin at the end of a token, that token with the encoded rest. Throws Error for an empty
// text, one longer than 40 bytes, or more than 64 of them.
std::vector<std::vector<int32_t>> FindSequenceBreakers(const Tokenizer& tokenizer,
                                                       std::span<const std::string> texts);

}  // namespace trinity

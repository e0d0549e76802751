#pragma once

#include <vector>

#include "tokenizer/pre_tokenizer.h"

namespace trinity {

// The pre-tokenizer of all Trinity tokenizers, which GGUF files call "afmoe".
std::vector<PreTokenizerStep> TrinityPreTokenizerSteps();

// Whether `steps` are those.
bool AreTrinitySteps(const std::vector<PreTokenizerStep>& steps);

}  // namespace trinity

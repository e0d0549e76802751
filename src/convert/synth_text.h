#pragma once

#include "model/config.h"
#include "tokenizer/generation_config.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {

// What a random checkpoint says of text: the special tokens that all tokenizers of the family
// share. A vocabulary too small to hold an id lacks it.
GenerationConfig SynthGenerationConfig(const Config& config);
TokenizerConfig SynthTokenizerConfig();

}  // namespace trinity

#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "tokenizer/tokenizer_parts.h"

namespace trinity {

// tokenizer.ggml.token_type: what an entry of tokenizer.ggml.tokens is.
enum class GgufTokenType : int32_t {
  kNormal = 1,
  kControl = 3,      // an added token that is special
  kUserDefined = 4,  // an added token that is not
  kUnused = 5        // a row of the embedding without a token
};

// Reads the tokenizer in the metadata of a GGUF file: byte-level BPE (model "gpt2") with the
// pipeline of the Trinity tokenizers (pre "afmoe"), which gives the ids of their tokenizer.json.
// Everything in it is checked; another model or pre is refused by its name. Throws Error with
// `origin` (the file), key, expected and found.
TokenizerParts ReadGgufTokenizer(const Json& metadata, const std::string& origin);

}  // namespace trinity

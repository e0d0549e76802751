#pragma once

#include <memory>

#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pair_encoding.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"

namespace trinity {

// What a tokenizer.json or the metadata of a GGUF file describe.
struct TokenizerParts {
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const BytePairEncoding> model;
  std::unique_ptr<const AddedTokens> added_tokens;
  PostProcessor post_processor;
};

}  // namespace trinity

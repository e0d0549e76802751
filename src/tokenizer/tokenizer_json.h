#pragma once

#include <memory>
#include <string>

#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pair_encoding.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"

namespace trinity {

// What a tokenizer.json holds.
struct TokenizerJson {
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const BytePairEncoding> model;
  std::unique_ptr<const AddedTokens> added_tokens;
  PostProcessor post_processor;
};

// Reads a tokenizer.json. Everything in it is checked; a part that this program does not implement
// is refused by its name, and so is a member that it does not know. Throws Error with file, field,
// expected and found.
TokenizerJson LoadTokenizerJson(const std::string& path);

}  // namespace trinity

#pragma once

#include <memory>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_pair_encoding.h"
#include "tokenizer/tokenizer_field.h"

namespace trinity {

// The model of tokenizer.json: BPE over the byte alphabet. `added_tokens` join its vocabulary.
std::unique_ptr<const BytePairEncoding> ParseModel(const TokenizerField& field,
                                                   const std::vector<AddedToken>& added_tokens);

}  // namespace trinity

#pragma once

#include <vector>

#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer_field.h"

namespace trinity {

// The steps of pre_tokenizer in tokenizer.json, Sequences made flat: Digits, Split and, as the last
// one, ByteLevel. Others are refused by type name.
std::vector<PreTokenizerStep> ParsePreTokenizer(const TokenizerField& field);

}  // namespace trinity

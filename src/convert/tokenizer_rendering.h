#pragma once

#include "base/json.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// The tokenizer.json of a tokenizer that uses the Trinity pipeline: it gives the same ids.
Json RenderTokenizerJson(const Tokenizer& tokenizer);

}  // namespace trinity

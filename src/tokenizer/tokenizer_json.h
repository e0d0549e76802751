#pragma once

#include <string>

#include "tokenizer/tokenizer_parts.h"

namespace trinity {

// Reads a tokenizer.json. Everything in it is checked; a part that this program does not implement
// is refused by its name, and so is a member that it does not know. Throws Error with file, field,
// expected and found.
TokenizerParts LoadTokenizerJson(const std::string& path);

}  // namespace trinity

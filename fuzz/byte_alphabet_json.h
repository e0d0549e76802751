#pragma once

#include <string>
#include <string_view>

namespace trinity {

// `json` with what each byte-level vocabulary has to hold, so that inputs stay small: the first
// "@BYTES@" becomes the 256 entries of a tokenizer.json ("!": 33, ...), "@TOKENS@" those of a list
// of tokens ("!", ...), and "@TYPES@" as many ones.
std::string WithByteAlphabet(std::string_view json);

}  // namespace trinity

#pragma once

#include <string>
#include <string_view>

namespace trinity {

// `json` with the first "@BYTES@" replaced by the 256 entries that each vocabulary of a byte-level
// tokenizer.json has to hold ("!": 33, ...), so that inputs stay small.
std::string WithByteAlphabet(std::string_view json);

}  // namespace trinity

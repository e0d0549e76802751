#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trinity {

// One step of decoding UTF-8 (Unicode 15, section 3.9, table 3-7).
struct Utf8Char {
  char32_t code_point;  // U+FFFD where not valid
  size_t num_bytes;     // of the character, or of the maximal ill-formed part to skip; at least 1
  bool valid;
  bool truncated;  // not valid yet, but the text ends inside what could become a character
};

// Decodes the first character of `text`, which must not be empty.
Utf8Char DecodeUtf8(std::string_view text);

// Appends `code_point` (a Unicode scalar value) to `out`.
void AppendUtf8(char32_t code_point, std::string& out);

// Whether all of `text` is well-formed.
bool IsUtf8(std::string_view text);

// `text` with each maximal ill-formed part replaced by one U+FFFD.
std::string ToValidUtf8(std::string_view text);

}  // namespace trinity

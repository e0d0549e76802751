#pragma once

#include <cstdint>
#include <string>

#include "tokenizer/tokenizer.h"

namespace trinity {

// Turns ids into text one at a time and releases only whole UTF-8 characters: what ids 1..n have
// released is always a prefix of their decoded text. The tokenizer must outlive the stream.
class TextStream {
 public:
  TextStream(const Tokenizer& tokenizer, DecodeSpecial special);

  // The text that became certain with `id`; may be empty.
  std::string Append(int32_t id);

  // What is still held back, with U+FFFD for the incomplete character.
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  DecodeSpecial special_;
  std::string held_bytes_;  // the beginning of a character
};

}  // namespace trinity

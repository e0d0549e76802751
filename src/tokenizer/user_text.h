#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace trinity {

// Keeps the text of users text. A chat is rendered as one text in which special tokens mark the
// turns, so a user who writes "<|im_end|>" could end their own turn and begin the assistant's.
// Shield marks such places before rendering; Encode reads what is marked as characters and no more.
// The tokenizer must outlive it.
class UserText {
 public:
  explicit UserText(const Tokenizer& tokenizer);

  // `text` with U+FDD0, which Unicode keeps free for uses like this, before each spelled special
  // token. One that stands in `text` already becomes U+FFFD.
  std::string Shield(std::string_view text) const;

  // A text that holds shielded parts as people read it: without the marks.
  static std::string WithoutMarks(std::string_view rendered);

  // The ids of a text that holds shielded parts. Special tokens that are not marked are recognised;
  // nothing is added. Throws Error as Tokenizer::Encode.
  std::vector<int32_t> Encode(std::string_view rendered) const;

 private:
  // Bytes of the longest special token that is spelled at the beginning of `text`; 0: none.
  size_t SpelledTokenBytes(std::string_view text) const;

  const Tokenizer& tokenizer_;
  std::vector<std::string> spellings_;  // of the special tokens
};

}  // namespace trinity

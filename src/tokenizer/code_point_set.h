#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/unicode_categories.h"

namespace trinity {

// The code points whose category's two-letter name begins with one of the comma-separated
// `categories`: "Nd", or "N" for Nd, Nl and No. Ascending, neighbours joined.
std::vector<CodePointRange> RangesOfCategories(std::string_view categories);

// A set of code points with constant-time look-up (136 KiB: one bit each).
class CodePointSet {
 public:
  explicit CodePointSet(const std::vector<CodePointRange>& ranges);

  bool Contains(char32_t code_point) const {
    return (words_[code_point / 64] >> (code_point % 64) & 1) != 0;
  }

 private:
  std::vector<uint64_t> words_;
};

const CodePointSet& DecimalDigits();      // Nd of Unicode 16, as \p{Nd} in a regex
const CodePointSet& NumericCharacters();  // Nd, Nl, No of Unicode 17, as the Digits step

// White_Space of Unicode: what lstrip and rstrip of an added token swallow.
bool IsWhiteSpace(char32_t code_point);

}  // namespace trinity

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace trinity {

struct CodePointRange {
  char32_t first;
  char32_t last;  // included
};

// The general categories, in the order in which PackedCategoryRuns numbers them.
inline constexpr std::array<std::string_view, 30> kUnicodeCategories = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};

// The general category of every code point in Unicode 16, the version that the regexes of Hugging
// Face tokenizers know: one entry (first code point) << 8 | category for each run, ascending; a run
// ends where the next begins, the last at U+10FFFF.
std::span<const uint32_t> PackedCategoryRuns();

// Code points that are numeric (Nd, Nl, No) only in Unicode 17: the Digits step of Hugging Face
// tokenizers knows that version.
std::span<const CodePointRange> NewerNumericRanges();

}  // namespace trinity

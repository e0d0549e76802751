#include "tokenizer/code_point_set.h"

#include <algorithm>

namespace trinity {
namespace {

constexpr char32_t kNumCodePoints = 0x110000;

bool Names(std::string_view categories, std::string_view category) {
  while (!categories.empty()) {
    const size_t end = std::min(categories.find(','), categories.size());
    if (category.starts_with(categories.substr(0, end))) return true;
    categories.remove_prefix(std::min(end + 1, categories.size()));
  }
  return false;
}

}  // namespace

std::vector<CodePointRange> RangesOfCategories(std::string_view categories) {
  const std::span<const uint32_t> runs = PackedCategoryRuns();
  std::vector<CodePointRange> ranges;
  for (size_t i = 0; i < runs.size(); ++i) {
    if (!Names(categories, kUnicodeCategories[runs[i] & 0xFF])) continue;
    const char32_t first = runs[i] >> 8;
    const char32_t last = (i + 1 < runs.size() ? runs[i + 1] >> 8 : kNumCodePoints) - 1;
    if (!ranges.empty() && ranges.back().last + 1 == first) {
      ranges.back().last = last;
    } else {
      ranges.push_back({first, last});
    }
  }
  return ranges;
}

CodePointSet::CodePointSet(const std::vector<CodePointRange>& ranges)
    : words_(kNumCodePoints / 64) {
  for (const CodePointRange& range : ranges) {
    for (char32_t c = range.first; c <= range.last; ++c) words_[c / 64] |= uint64_t{1} << (c % 64);
  }
}

const CodePointSet& DecimalDigits() {
  static const CodePointSet set(RangesOfCategories("Nd"));
  return set;
}

const CodePointSet& NumericCharacters() {
  static const CodePointSet set = [] {
    std::vector<CodePointRange> ranges = RangesOfCategories("N");
    const std::span<const CodePointRange> newer = NewerNumericRanges();
    ranges.insert(ranges.end(), newer.begin(), newer.end());
    return CodePointSet(ranges);
  }();
  return set;
}

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x9 && c <= 0xD) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace trinity

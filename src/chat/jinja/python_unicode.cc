#include "chat/jinja/python_unicode.h"

#include <algorithm>

#include "base/utf8.h"

namespace trinity::jinja {
namespace {

struct RangeTable {
  const CodePointRange* ranges;
  size_t num_ranges;
};

struct CaseTable {
  const CaseRun* runs;
  size_t num_runs;
  const SpecialCase* special;
  size_t num_special;
};

RangeTable TableOf(CharClass char_class) {
  switch (char_class) {
    case CharClass::kNotPrintable:
      return {kNotPrintable, kNumNotPrintable};
    case CharClass::kSpace:
      return {kSpace, kNumSpace};
    case CharClass::kAlphabetic:
      return {kAlphabetic, kNumAlphabetic};
    case CharClass::kDecimal:
      return {kDecimal, kNumDecimal};
    case CharClass::kDigit:
      return {kDigit, kNumDigit};
    case CharClass::kNumeric:
      return {kNumeric, kNumNumeric};
    case CharClass::kUpperCase:
      return {kUpperCase, kNumUpperCase};
    case CharClass::kLowerCase:
      return {kLowerCase, kNumLowerCase};
    case CharClass::kTitleCase:
      return {kTitleCase, kNumTitleCase};
    case CharClass::kIdentifierStart:
      return {kIdentifierStart, kNumIdentifierStart};
    case CharClass::kIdentifierPart:
      return {kIdentifierPart, kNumIdentifierPart};
    case CharClass::kCaseIgnorable:
      return {kCaseIgnorable, kNumCaseIgnorable};
    case CharClass::kCased:
      return {kCased, kNumCased};
  }
  return {nullptr, 0};
}

CaseTable TableOf(CaseMapping mapping) {
  switch (mapping) {
    case CaseMapping::kUpper:
      return {kUpperRuns, kNumUpperRuns, kUpperSpecial, kNumUpperSpecial};
    case CaseMapping::kLower:
      return {kLowerRuns, kNumLowerRuns, kLowerSpecial, kNumLowerSpecial};
    case CaseMapping::kTitle:
      return {kTitleRuns, kNumTitleRuns, kTitleSpecial, kNumTitleSpecial};
    case CaseMapping::kFold:
      return {kFoldRuns, kNumFoldRuns, kFoldSpecial, kNumFoldSpecial};
  }
  return {nullptr, 0, nullptr, 0};
}

bool AppendSpecial(const CaseTable& table, char32_t c, std::string& out) {
  const SpecialCase* end = table.special + table.num_special;
  const SpecialCase* found = std::lower_bound(
      table.special, end, c, [](const SpecialCase& s, char32_t value) { return s.from < value; });
  if (found == end || found->from != c) return false;
  for (const uint32_t to : found->to) {
    if (to != 0) AppendUtf8(to, out);
  }
  return true;
}

// Runs with a stride may interleave, so that several begin before `c`: the one that holds it is
// among the last few.
char32_t MapOne(const CaseTable& table, char32_t c) {
  const CaseRun* end = table.runs + table.num_runs;
  const CaseRun* after = std::upper_bound(
      table.runs, end, c, [](char32_t value, const CaseRun& run) { return value < run.first; });
  for (int tries = 0; tries < 3 && after != table.runs; ++tries) {
    const CaseRun& run = *--after;
    if (c <= run.last && (c - run.first) % run.stride == 0) {
      return static_cast<char32_t>(static_cast<int32_t>(c) + run.delta);
    }
  }
  return c;
}

constexpr char32_t kSigma = 0x3A3;
constexpr char32_t kSmallSigma = 0x3C3;
constexpr char32_t kFinalSigma = 0x3C2;

bool IsCasedNeighbour(const std::vector<char32_t>& text, size_t from, int direction) {
  for (size_t i = from + direction; i < text.size(); i += direction) {
    if (IsIn(CharClass::kCaseIgnorable, text[i])) continue;
    return IsIn(CharClass::kCased, text[i]);
  }
  return false;
}

void AppendLower(const std::vector<char32_t>& text, size_t i, std::string& out) {
  if (text[i] != kSigma) return AppendMapped(CaseMapping::kLower, text[i], out);
  const bool is_final = IsCasedNeighbour(text, i, -1) && !IsCasedNeighbour(text, i, 1);
  AppendUtf8(is_final ? kFinalSigma : kSmallSigma, out);
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 128; });
}

char AsciiUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string MapAll(CaseMapping mapping, std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : Decode(text)) AppendMapped(mapping, c, out);
  return out;
}

}  // namespace

bool IsIn(CharClass char_class, char32_t c) {
  const RangeTable table = TableOf(char_class);
  const CodePointRange* end = table.ranges + table.num_ranges;
  const CodePointRange* after = std::upper_bound(
      table.ranges, end, c,
      [](char32_t value, const CodePointRange& range) { return value < range.first; });
  return after != table.ranges && c <= (after - 1)->last;
}

void AppendMapped(CaseMapping mapping, char32_t c, std::string& out) {
  const CaseTable table = TableOf(mapping);
  if (!AppendSpecial(table, c, out)) AppendUtf8(MapOne(table, c), out);
}

std::string ToUpper(std::string_view text) {
  if (!IsAscii(text)) return MapAll(CaseMapping::kUpper, text);
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), AsciiUpper);
  return out;
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  if (IsAscii(text)) {
    std::transform(out.begin(), out.end(), out.begin(), AsciiLower);
    return out;
  }
  out.clear();
  const std::vector<char32_t> chars = Decode(text);
  for (size_t i = 0; i < chars.size(); ++i) AppendLower(chars, i, out);
  return out;
}

std::string CaseFold(std::string_view text) { return MapAll(CaseMapping::kFold, text); }

std::string ToTitle(std::string_view text) {
  std::string out;
  const std::vector<char32_t> chars = Decode(text);
  bool after_cased = false;
  for (size_t i = 0; i < chars.size(); ++i) {
    if (after_cased) {
      AppendLower(chars, i, out);
    } else {
      AppendMapped(CaseMapping::kTitle, chars[i], out);
    }
    after_cased = IsIn(CharClass::kUpperCase, chars[i]) || IsIn(CharClass::kLowerCase, chars[i]) ||
                  IsIn(CharClass::kTitleCase, chars[i]);
  }
  return out;
}

std::string Capitalize(std::string_view text) {
  std::string out;
  const std::vector<char32_t> chars = Decode(text);
  for (size_t i = 0; i < chars.size(); ++i) {
    if (i == 0) {
      AppendMapped(CaseMapping::kTitle, chars[i], out);
    } else {
      AppendLower(chars, i, out);
    }
  }
  return out;
}

std::string SwapCase(std::string_view text) {
  std::string out;
  const std::vector<char32_t> chars = Decode(text);
  for (size_t i = 0; i < chars.size(); ++i) {
    if (IsIn(CharClass::kUpperCase, chars[i])) {
      AppendLower(chars, i, out);
    } else if (IsIn(CharClass::kLowerCase, chars[i])) {
      AppendMapped(CaseMapping::kUpper, chars[i], out);
    } else {
      AppendUtf8(chars[i], out);
    }
  }
  return out;
}

std::vector<char32_t> Decode(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    out.push_back(c.code_point);
    text.remove_prefix(c.num_bytes);
  }
  return out;
}

std::string Encode(const char32_t* begin, const char32_t* end) {
  std::string out;
  for (; begin != end; ++begin) AppendUtf8(*begin, out);
  return out;
}

}  // namespace trinity::jinja

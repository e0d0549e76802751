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
    case CharClass::kChangedByNfkc:
      return {kChangedByNfkc, kNumChangedByNfkc};
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

// Whether the first character that counts is cased: ones that do not count are skipped.
bool IsCasedAfter(std::string_view rest) {
  for (const char32_t c : CodePoints(rest)) {
    if (!IsIn(CharClass::kCaseIgnorable, c)) return IsIn(CharClass::kCased, c);
  }
  return false;
}

bool IsCasedBefore(std::string_view head) {
  while (!head.empty()) {
    const Utf8Char c = LastCharacter(head);
    if (!IsIn(CharClass::kCaseIgnorable, c.code_point))
      return IsIn(CharClass::kCased, c.code_point);
    head.remove_suffix(c.num_bytes);
  }
  return false;
}

// Calls `visit(at, c)` for each character and the byte that it begins at.
template <typename Visit>
void VisitCharacters(std::string_view text, Visit visit) {
  size_t at = 0;
  for (Utf8Char c; at < text.size(); at += c.num_bytes) {
    c = DecodeUtf8(text.substr(at));
    visit(at, c);
  }
}

// Appends the character `c` that stands at byte `at`.
void AppendLower(std::string_view text, size_t at, const Utf8Char& c, std::string& out) {
  if (c.code_point != kSigma) return AppendMapped(CaseMapping::kLower, c.code_point, out);
  const bool is_final =
      IsCasedBefore(text.substr(0, at)) && !IsCasedAfter(text.substr(at + c.num_bytes));
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
  for (const char32_t c : CodePoints(text)) AppendMapped(mapping, c, out);
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
  VisitCharacters(text, [&](size_t at, const Utf8Char& c) { AppendLower(text, at, c, out); });
  return out;
}

std::string CaseFold(std::string_view text) { return MapAll(CaseMapping::kFold, text); }

std::string ToTitle(std::string_view text) {
  std::string out;
  bool after_cased = false;
  VisitCharacters(text, [&](size_t at, const Utf8Char& c) {
    if (after_cased) {
      AppendLower(text, at, c, out);
    } else {
      AppendMapped(CaseMapping::kTitle, c.code_point, out);
    }
    after_cased = IsIn(CharClass::kUpperCase, c.code_point) ||
                  IsIn(CharClass::kLowerCase, c.code_point) ||
                  IsIn(CharClass::kTitleCase, c.code_point);
  });
  return out;
}

std::string Capitalize(std::string_view text) {
  std::string out;
  VisitCharacters(text, [&](size_t at, const Utf8Char& c) {
    if (at == 0) {
      AppendMapped(CaseMapping::kTitle, c.code_point, out);
    } else {
      AppendLower(text, at, c, out);
    }
  });
  return out;
}

std::string SwapCase(std::string_view text) {
  std::string out;
  VisitCharacters(text, [&](size_t at, const Utf8Char& c) {
    if (IsIn(CharClass::kUpperCase, c.code_point)) {
      AppendLower(text, at, c, out);
    } else if (IsIn(CharClass::kLowerCase, c.code_point)) {
      AppendMapped(CaseMapping::kUpper, c.code_point, out);
    } else {
      AppendUtf8(c.code_point, out);
    }
  });
  return out;
}

Utf8Char LastCharacter(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
  return DecodeUtf8(text.substr(begin));
}

size_t OffsetOf(std::string_view text, size_t code_point) {
  size_t offset = 0;
  for (; code_point > 0 && offset < text.size(); --code_point) {
    do {
      ++offset;
    } while (offset < text.size() && (static_cast<uint8_t>(text[offset]) & 0xC0) == 0x80);
  }
  return offset;
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

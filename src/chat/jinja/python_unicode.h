#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"

// What Python's str methods know of Unicode. Strings are valid UTF-8.

namespace trinity::jinja {

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};

// Code points first, first + stride, ..., last map to themselves plus delta.
struct CaseRun {
  uint32_t first;
  uint32_t last;
  uint32_t stride;
  int32_t delta;
};

// A code point that maps to several; unused places are 0.
struct SpecialCase {
  uint32_t from;
  uint32_t to[3];
};

enum class CharClass {
  kNotPrintable,  // repr() escapes it
  kSpace,
  kAlphabetic,
  kDecimal,
  kDigit,
  kNumeric,
  kUpperCase,
  kLowerCase,
  kTitleCase,
  kIdentifierStart,
  kIdentifierPart,
  kChangedByNfkc,  // alone, or because it may merge with the character before it
  kCaseIgnorable,
  kCased,
};

bool IsIn(CharClass char_class, char32_t c);
inline bool IsSpace(char32_t c) { return IsIn(CharClass::kSpace, c); }

enum class CaseMapping { kUpper, kLower, kTitle, kFold };

// Appends what one character maps to, regardless of its neighbours.
void AppendMapped(CaseMapping mapping, char32_t c, std::string& out);

std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);  // with the final sigma
std::string CaseFold(std::string_view text);
std::string ToTitle(std::string_view text);     // str.title()
std::string Capitalize(std::string_view text);  // str.capitalize()
std::string SwapCase(std::string_view text);

// The code points of a text, one at a time: decoded at once they take four times its size.
class CodePoints {
 public:
  class Iterator {
   public:
    explicit Iterator(std::string_view rest) : rest_(rest) { Look(); }
    char32_t operator*() const { return current_.code_point; }
    Iterator& operator++() {
      rest_.remove_prefix(current_.num_bytes);
      Look();
      return *this;
    }
    bool operator!=(const Iterator& other) const { return rest_.size() != other.rest_.size(); }

   private:
    void Look() {
      if (!rest_.empty()) current_ = DecodeUtf8(rest_);
    }

    std::string_view rest_;
    Utf8Char current_{};
  };

  explicit CodePoints(std::string_view text) : text_(text) {}
  Iterator begin() const { return Iterator(text_); }
  Iterator end() const { return Iterator(text_.substr(text_.size())); }

 private:
  std::string_view text_;
};

// The last character of a text that is not empty.
Utf8Char LastCharacter(std::string_view text);

// The byte at which a code point begins; the size of the text if it has fewer.
size_t OffsetOf(std::string_view text, size_t code_point);

// Where a text changes from upper to lower case and back, it takes at most this times its size.
constexpr size_t kMostCaseGrowth = 3;

std::vector<char32_t> Decode(std::string_view text);  // four times the size of an ASCII text
std::string Encode(const char32_t* begin, const char32_t* end);

// The tables, sorted by code point (python_unicode_tables.cc).
extern const CodePointRange kNotPrintable[];
extern const size_t kNumNotPrintable;
extern const CodePointRange kSpace[];
extern const size_t kNumSpace;
extern const CodePointRange kAlphabetic[];
extern const size_t kNumAlphabetic;
extern const CodePointRange kDecimal[];
extern const size_t kNumDecimal;
extern const CodePointRange kDigit[];
extern const size_t kNumDigit;
extern const CodePointRange kNumeric[];
extern const size_t kNumNumeric;
extern const CodePointRange kUpperCase[];
extern const size_t kNumUpperCase;
extern const CodePointRange kLowerCase[];
extern const size_t kNumLowerCase;
extern const CodePointRange kTitleCase[];
extern const size_t kNumTitleCase;
extern const CodePointRange kIdentifierStart[];
extern const size_t kNumIdentifierStart;
extern const CodePointRange kIdentifierPart[];
extern const size_t kNumIdentifierPart;
extern const CodePointRange kChangedByNfkc[];
extern const size_t kNumChangedByNfkc;
extern const CodePointRange kCaseIgnorable[];
extern const size_t kNumCaseIgnorable;
extern const CodePointRange kCased[];
extern const size_t kNumCased;
extern const CaseRun kUpperRuns[];
extern const size_t kNumUpperRuns;
extern const SpecialCase kUpperSpecial[];
extern const size_t kNumUpperSpecial;
extern const CaseRun kLowerRuns[];
extern const size_t kNumLowerRuns;
extern const SpecialCase kLowerSpecial[];
extern const size_t kNumLowerSpecial;
extern const CaseRun kTitleRuns[];
extern const size_t kNumTitleRuns;
extern const SpecialCase kTitleSpecial[];
extern const size_t kNumTitleSpecial;
extern const CaseRun kFoldRuns[];
extern const size_t kNumFoldRuns;
extern const SpecialCase kFoldSpecial[];
extern const size_t kNumFoldSpecial;

}  // namespace trinity::jinja

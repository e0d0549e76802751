#include "chat/jinja/word_wrap.h"

#include <algorithm>

#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

using Chars = std::vector<char32_t>;

bool IsBlank(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r');  // textwrap knows ASCII white space only
}

bool IsWord(char32_t c) {
  return c == '_' || IsIn(CharClass::kAlphabetic, c) || IsIn(CharClass::kDecimal, c) ||
         IsIn(CharClass::kDigit, c) || IsIn(CharClass::kNumeric, c);
}

bool IsLetter(char32_t c) { return IsWord(c) && !IsIn(CharClass::kDecimal, c); }

bool IsWordOrPunctuation(char32_t c) {
  return IsWord(c) || c == '!' || c == '"' || c == '\'' || c == '&' || c == '.' || c == ',' ||
         c == '?';
}

// Cuts text where textwrap may break a line.
class Chunker {
 public:
  explicit Chunker(const Chars& chars) : chars_(chars) {}

  std::vector<Chars> Chunks() {
    std::vector<Chars> chunks;
    for (size_t begin = 0; begin < chars_.size();) {
      const size_t end = EndOf(begin);
      chunks.emplace_back(chars_.begin() + static_cast<ptrdiff_t>(begin),
                          chars_.begin() + static_cast<ptrdiff_t>(end));
      begin = end;
    }
    return chunks;
  }

 private:
  bool Is(size_t i, bool (*predicate)(char32_t)) const {
    return i < chars_.size() && predicate(chars_[i]);
  }
  bool IsHyphen(size_t i) const { return i < chars_.size() && chars_[i] == '-'; }

  // The end of a dash of two or more hyphens before a word; `begin` if there is none.
  size_t DashEnd(size_t begin) const {
    size_t end = begin;
    while (IsHyphen(end)) ++end;
    return end - begin >= 2 && Is(end, IsWord) ? end : begin;
  }

  size_t EndOf(size_t begin) const {
    size_t end = begin;
    if (IsBlank(chars_[begin])) {
      while (Is(end, IsBlank)) ++end;
      return end;
    }
    if (begin > 0 && IsWordOrPunctuation(chars_[begin - 1]) && DashEnd(begin) > begin) {
      return DashEnd(begin);
    }
    for (end = begin + 1; end < chars_.size(); ++end) {
      if (IsBlank(chars_[end])) return end;
      if (IsHyphen(end) && IsHyphenBreak(end)) return end + 1;
      if (IsWordOrPunctuation(chars_[end - 1]) && DashEnd(end) > end) return end;
    }
    return end;
  }

  // Whether a word may be broken behind the hyphen at `i`.
  bool IsHyphenBreak(size_t i) const {
    const bool two_before = i >= 2 && IsLetter(chars_[i - 2]) && IsLetter(chars_[i - 1]);
    const bool hyphen_before =
        i >= 3 && IsLetter(chars_[i - 3]) && IsHyphen(i - 2) && IsLetter(chars_[i - 1]);
    if (!two_before && !hyphen_before) return false;
    const size_t next = i + 1;
    return Is(next, IsLetter) &&
           (Is(next + 1, IsLetter) || (IsHyphen(next + 1) && Is(next + 2, IsLetter)));
  }

  const Chars& chars_;
};

std::vector<Chars> BlankChunks(const Chars& chars) {
  std::vector<Chars> chunks;
  for (size_t i = 0; i < chars.size(); ++i) {
    if (i == 0 || IsBlank(chars[i]) != IsBlank(chars[i - 1])) chunks.emplace_back();
    chunks.back().push_back(chars[i]);
  }
  return chunks;
}

bool IsBlankChunk(const Chars& chunk) { return std::all_of(chunk.begin(), chunk.end(), IsSpace); }

// Fills the rest of a line with the start of a chunk that no line can hold.
void TakeFromLong(Chars& chunk, size_t space, const WrapOptions& options,
                  std::vector<Chars>& line) {
  size_t end = std::max<size_t>(space, 1);
  if (options.break_on_hyphens && chunk.size() > end) {
    const auto limit = chunk.begin() + static_cast<ptrdiff_t>(end);
    const auto word = std::find_if(chunk.begin(), limit, [](char32_t c) { return c != '-'; });
    size_t last = end;
    while (last > 0 && chunk[last - 1] != '-') --last;
    if (static_cast<ptrdiff_t>(last) - 1 > word - chunk.begin()) end = last;
  }
  end = std::min(end, chunk.size());
  line.emplace_back(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(end));
  chunk.erase(chunk.begin(), chunk.begin() + static_cast<ptrdiff_t>(end));
}

std::string Concatenate(const std::vector<Chars>& line) {
  std::string out;
  for (const Chars& chunk : line) out += Encode(chunk.data(), chunk.data() + chunk.size());
  return out;
}

}  // namespace

std::vector<std::string> WrapLine(std::string_view line, const WrapOptions& options) {
  const Chars chars = Decode(line);
  std::vector<Chars> chunks =
      options.break_on_hyphens ? Chunker(chars).Chunks() : BlankChunks(chars);
  std::reverse(chunks.begin(), chunks.end());
  std::vector<std::string> lines;
  while (!chunks.empty()) {
    if (!lines.empty() && IsBlankChunk(chunks.back())) chunks.pop_back();
    std::vector<Chars> current;
    size_t length = 0;
    while (!chunks.empty() && length + chunks.back().size() <= options.width) {
      length += chunks.back().size();
      current.push_back(std::move(chunks.back()));
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > options.width) {
      if (options.break_long_words) {
        TakeFromLong(chunks.back(), options.width - length, options, current);
      } else if (current.empty()) {
        current.push_back(std::move(chunks.back()));
        chunks.pop_back();
      }
    }
    if (!current.empty() && IsBlankChunk(current.back())) current.pop_back();
    if (!current.empty()) lines.push_back(Concatenate(current));
  }
  return lines;
}

}  // namespace trinity::jinja

#include "chat/jinja/word_wrap.h"

#include <algorithm>

#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

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

}  // namespace

LineWrapper::LineWrapper(std::string_view line, const WrapOptions& options)
    : options_(options), chars_(Decode(line)) {}

bool LineWrapper::Next(std::string& line) {
  while (at_ < chars_.size()) {
    if (!is_first_ && IsBlankPart(at_, ChunkEnd())) at_ = ChunkEnd();
    const size_t begin = at_;
    size_t last = at_;  // where the last chunk of the line begins
    while (at_ < chars_.size() && ChunkEnd() - begin <= options_.width) {
      last = at_;
      at_ = ChunkEnd();
    }
    if (at_ < chars_.size() && ChunkEnd() - at_ > options_.width) {
      if (options_.break_long_words) {
        last = at_;
        at_ += LongPart(options_.width - (at_ - begin));
      } else if (at_ == begin) {
        at_ = ChunkEnd();
      }
    }
    const size_t end = IsBlankPart(last, at_) ? last : at_;
    if (end == begin) continue;
    is_first_ = false;
    line = Encode(&chars_[begin], chars_.data() + end);
    return true;
  }
  return false;
}

bool LineWrapper::Is(size_t i, bool (*predicate)(char32_t)) const {
  return i < chars_.size() && predicate(chars_[i]);
}

bool LineWrapper::IsHyphen(size_t i) const { return i < chars_.size() && chars_[i] == '-'; }

bool LineWrapper::IsBlankPart(size_t begin, size_t end) const {
  return std::all_of(chars_.data() + begin, chars_.data() + end, IsSpace);
}

size_t LineWrapper::ChunkEnd() {
  if (chunk_end_ <= at_) chunk_end_ = options_.break_on_hyphens ? EndOf(at_) : BlankEndOf(at_);
  return chunk_end_;
}

size_t LineWrapper::DashEnd(size_t begin) const {
  size_t end = begin;
  while (IsHyphen(end)) ++end;
  return end - begin >= 2 && Is(end, IsWord) ? end : begin;
}

size_t LineWrapper::EndOf(size_t begin) const {
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

size_t LineWrapper::BlankEndOf(size_t begin) const {
  size_t end = begin;
  while (end < chars_.size() && IsBlank(chars_[end]) == IsBlank(chars_[begin])) ++end;
  return end;
}

bool LineWrapper::IsHyphenBreak(size_t i) const {
  const bool two_before = i >= 2 && IsLetter(chars_[i - 2]) && IsLetter(chars_[i - 1]);
  const bool hyphen_before =
      i >= 3 && IsLetter(chars_[i - 3]) && IsHyphen(i - 2) && IsLetter(chars_[i - 1]);
  if (!two_before && !hyphen_before) return false;
  const size_t next = i + 1;
  return Is(next, IsLetter) &&
         (Is(next + 1, IsLetter) || (IsHyphen(next + 1) && Is(next + 2, IsLetter)));
}

size_t LineWrapper::LongPart(size_t space) const {
  if (!options_.break_on_hyphens) return space;
  const char32_t* chunk = &chars_[at_];
  const auto word = static_cast<size_t>(
      std::find_if(chunk, chunk + space, [](char32_t c) { return c != '-'; }) - chunk);
  size_t last = space;
  while (last > 0 && chunk[last - 1] != '-') --last;
  return last > word + 1 ? last : space;
}

}  // namespace trinity::jinja

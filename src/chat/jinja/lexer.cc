#include "chat/jinja/lexer.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/utf8.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/string_literal.h"

namespace trinity::jinja {
namespace {

// One kind of line break, and without the last one.
std::string NormalizeNewlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool IsHexLetter(char c) { return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool IsWordCharacter(char32_t c) {
  return IsIn(CharClass::kIdentifierPart, c) || IsIn(CharClass::kNumeric, c) ||
         IsIn(CharClass::kAlphabetic, c);
}

constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

class Lexer {
 public:
  Lexer(std::string_view source, std::string_view name)
      : source_(NormalizeNewlines(source)), name_(name) {}

  std::vector<Token> Run() {
    while (at_ < source_.size()) Root();
    Add(TokenType::kEnd, source_.size(), "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void FailAt(size_t offset, std::string_view message) {
    const Position position = At(offset);
    Fail("{}:{}:{}: {}", name_, position.line, position.column, message);
  }

  // Offsets must not fall behind those asked for before.
  Position At(size_t offset) {
    for (; counted_ < offset; ++counted_) {
      if (source_[counted_] == '\n') {
        ++position_.line;
        position_.column = 1;
      } else if ((static_cast<uint8_t>(source_[counted_]) & 0xC0) != 0x80) {
        ++position_.column;
      }
    }
    return position_;
  }

  Token& Add(TokenType type, size_t offset, std::string_view text) {
    Token token;
    token.type = type;
    token.text = std::string(text);
    token.position = At(offset);
    tokens_.push_back(std::move(token));
    return tokens_.back();
  }

  bool Has(size_t offset, std::string_view text) const {
    return source_.compare(offset, text.size(), text) == 0;
  }

  // The offset behind white space.
  size_t SkipSpace(size_t offset) const {
    while (offset < source_.size()) {
      const Utf8Char c = DecodeUtf8(std::string_view(source_).substr(offset));
      if (!IsSpace(c.code_point)) break;
      offset += c.num_bytes;
    }
    return offset;
  }

  // Text up to the next tag, then the tag.
  void Root() {
    const size_t begin = at_;
    size_t tag = begin;
    while (true) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= source_.size()) {
        AddData(begin, source_.size());
        at_ = source_.size();
        return;
      }
      const char kind = source_[tag + 1];
      if (kind == '%' || kind == '{' || kind == '#') break;
      ++tag;
    }
    const char kind = source_[tag + 1];
    const char sign = SignAt(tag + 2);
    AddStripped(begin, tag, sign, kind == '{' ? Lstrip::kNo : Lstrip::kYes);
    at_ = tag + 2 + (sign == 0 ? 0 : 1);
    if (kind == '#') return Comment(tag);
    if (kind == '%' && RawBegin()) return Raw(tag);
    Add(kind == '{' ? TokenType::kVariableBegin : TokenType::kBlockBegin, tag, "");
    while (!Tag(kind)) {
    }
  }

  char SignAt(size_t offset) const {
    const char c = offset < source_.size() ? source_[offset] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  enum class Lstrip { kNo, kYes };

  void AddData(size_t begin, size_t end) {
    if (end > begin) {
      Add(TokenType::kData, begin, std::string_view(source_).substr(begin, end - begin));
    }
  }

  // The data before a tag, without the white space that the tag takes away.
  void AddStripped(size_t begin, size_t end, char sign, Lstrip lstrip) {
    const std::string_view text = std::string_view(source_).substr(begin, end - begin);
    size_t size = text.size();
    if (sign == '-') {
      const std::string_view right = StripSpace(text);
      size = right.empty() ? 0 : static_cast<size_t>(right.data() - text.data()) + right.size();
    } else if (sign != '+' && lstrip == Lstrip::kYes) {
      const size_t newline = text.rfind('\n');
      const size_t line = newline == text.npos ? 0 : newline + 1;
      const bool starts_line = line > 0 || begin == 0 || source_[begin - 1] == '\n';
      if (starts_line && StripSpace(text.substr(line)).empty()) size = line;
    }
    AddData(begin, begin + size);
  }

  // Takes what follows the sign of a closing tag: all white space, or one line break.
  void TakeAfterEnd(char sign) {
    if (sign == '-') {
      at_ = SkipSpace(at_);
    } else if (sign != '+' && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
  }

  void Comment(size_t tag) {
    if (at_ == source_.size()) return;  // Jinja2 forgives a tag that opens at the very end
    const size_t end = source_.find("#}", at_);
    if (end == std::string::npos) FailAt(tag, "missing end of comment tag");
    const char sign = end > at_ ? SignAt(end - 1) : '\0';
    at_ = end + 2;
    TakeAfterEnd(sign);
  }

  // "raw %}" or "raw -%}", behind "{%".
  bool RawBegin() {
    size_t offset = SkipSpace(at_);
    if (!Has(offset, "raw")) return false;
    offset = SkipSpace(offset + 3);
    const bool strips = Has(offset, "-%}");
    if (!strips && !Has(offset, "%}")) return false;
    at_ = strips ? SkipSpace(offset + 3) : offset + 2;
    return true;
  }

  void Raw(size_t tag) {
    const size_t begin = at_;
    for (size_t open = source_.find("{%", begin); open != std::string::npos;
         open = source_.find("{%", open + 1)) {
      const char sign = SignAt(open + 2);
      size_t offset = SkipSpace(open + 2 + (sign == 0 ? 0 : 1));
      if (!Has(offset, "endraw")) continue;
      offset = SkipSpace(offset + 6);
      const char end_sign = SignAt(offset);
      if (!Has(offset + (end_sign == 0 ? 0 : 1), "%}")) continue;
      AddStripped(begin, open, sign, Lstrip::kYes);
      at_ = offset + (end_sign == 0 ? 2 : 3);
      TakeAfterEnd(end_sign);
      return;
    }
    if (at_ < source_.size()) FailAt(tag, "missing end of raw directive");
  }

  // One token inside of a tag that `kind` opened; true at its end.
  bool Tag(char kind) {
    if (at_ >= source_.size()) return true;
    if (open_.empty() && TagEnd(kind)) return true;
    const size_t begin = at_;
    at_ = SkipSpace(at_);
    if (at_ > begin || at_ >= source_.size()) return false;
    const char c = source_[at_];
    if (c >= '0' && c <= '9') {
      Number();
    } else if (c == '\'' || c == '"') {
      String(c);
    } else if (!Name()) {
      Operator();
    }
    return false;
  }

  bool TagEnd(char kind) {
    const char sign = SignAt(at_);
    const size_t close = at_ + (sign == 0 ? 0 : 1);
    if (!Has(close, kind == '{' ? "}}" : "%}") || (kind == '{' && sign == '+')) return false;
    Add(kind == '{' ? TokenType::kVariableEnd : TokenType::kBlockEnd, at_, "");
    at_ = close + 2;
    if (kind == '%' || sign == '-') TakeAfterEnd(sign);
    return true;
  }

  // The bytes of the decimal digit at `offset`, which may be of any script as Python's \d; 0 if
  // there is none.
  size_t DigitSize(size_t offset) const {
    if (offset >= source_.size()) return 0;
    const Utf8Char c = DecodeUtf8(std::string_view(source_).substr(offset));
    return IsIn(CharClass::kDecimal, c.code_point) ? c.num_bytes : 0;
  }

  // The end of (\d+_)*\d+ from `offset`; `offset` itself if there is no digit.
  size_t DigitsEnd(size_t offset) const {
    size_t end = offset;
    while (DigitSize(offset) > 0) {
      while (DigitSize(offset) > 0) offset += DigitSize(offset);
      end = offset;
      if (offset < source_.size() && source_[offset] == '_') ++offset;
    }
    return end;
  }

  // The end of a float; npos where none stands here.
  size_t FloatEnd() const {
    if (at_ > 0 && source_[at_ - 1] == '.') return std::string::npos;
    size_t end = DigitsEnd(at_);
    bool is_float = false;
    if (end < source_.size() && source_[end] == '.' && DigitSize(end + 1) > 0) {
      end = DigitsEnd(end + 1);
      is_float = true;
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const size_t sign = SignAt(end + 1) == 0 ? 0 : 1;
      const size_t digits = end + 1 + sign;
      if (DigitsEnd(digits) > digits) return DigitsEnd(digits);
    }
    return is_float ? end : std::string::npos;
  }

  // Takes characters of which `size_of` tells the bytes, each with or without '_' before it.
  template <typename SizeOf>
  size_t RunEnd(size_t end, SizeOf size_of) const {
    while (true) {
      const size_t next = end + (end < source_.size() && source_[end] == '_' ? 1 : 0);
      const size_t size = next < source_.size() ? size_of(next) : 0;
      if (size == 0) return end;
      end = next + size;
    }
  }

  size_t IntegerEnd() const {
    if (source_[at_] != '0') return RunEnd(at_, [this](size_t i) { return DigitSize(i); });
    const char letter = at_ + 1 < source_.size() ? static_cast<char>(source_[at_ + 1] | 0x20) : ' ';
    const auto digit_size = [this, letter](size_t i) -> size_t {
      const char c = source_[i];
      if (letter == 'x') return IsHexLetter(c) ? 1 : DigitSize(i);
      return (letter == 'o' && c >= '0' && c <= '7') || (letter == 'b' && (c == '0' || c == '1'));
    };
    const size_t end = RunEnd(at_ + 2, digit_size);
    if (end > at_ + 2) return end;
    return RunEnd(at_ + 1, [this](size_t i) -> size_t { return source_[i] == '0'; });
  }

  void Number() {
    const size_t begin = at_;
    const size_t float_end = FloatEnd();
    at_ = float_end == std::string::npos ? IntegerEnd() : float_end;
    std::string text = source_.substr(begin, at_ - begin);
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    if (float_end != std::string::npos) {
      // Python's int() takes the digits of other scripts, its literals do not.
      if (CountCodePoints(text) != text.size()) FailAt(begin, "invalid character in a float");
      Add(TokenType::kFloat, begin, text).value = Value::Float(*ParseFloat(text));
      return;
    }
    const Position position = At(begin);
    Runtime runtime(std::string(name_), {}, LocalTimeNow);
    runtime.set_position(position);
    Add(TokenType::kInteger, begin, text).value = Value::Integer(*ParseInt(runtime, text, 0));
  }

  void String(char quote) {
    const size_t begin = at_++;
    while (at_ < source_.size() && source_[at_] != quote) at_ += source_[at_] == '\\' ? 2 : 1;
    if (at_ >= source_.size()) FailAt(begin, "a string without an end");
    const std::string_view body = std::string_view(source_).substr(begin + 1, at_ - begin - 1);
    ++at_;
    std::string message;
    const std::optional<std::string> text = DecodeStringLiteral(body, message);
    if (!text) FailAt(begin, message);
    Add(TokenType::kString, begin, "").value = Value::ConstantString(*text);
  }

  bool Name() {
    const size_t begin = at_;
    char32_t first = 0;
    bool valid = true;
    bool is_changed = false;
    while (at_ < source_.size()) {
      const Utf8Char c = DecodeUtf8(std::string_view(source_).substr(at_));
      if (!IsWordCharacter(c.code_point)) break;
      if (at_ == begin) first = c.code_point;
      valid = valid && IsIn(CharClass::kIdentifierPart, c.code_point);
      is_changed = is_changed || IsIn(CharClass::kChangedByNfkc, c.code_point);
      at_ += c.num_bytes;
    }
    if (at_ == begin) return false;
    if (!valid || !IsIn(CharClass::kIdentifierStart, first)) {
      FailAt(begin, "invalid character in identifier");
    }
    // Python takes names that NFKC makes equal for one, which those of a context would not be.
    if (is_changed) {
      FailAt(begin, "an identifier that NFKC changes is not supported");
    }
    Add(TokenType::kName, begin, std::string_view(source_).substr(begin, at_ - begin));
    return true;
  }

  void Operator() {
    for (const std::string_view op : kOperators) {
      if (!Has(at_, op)) continue;
      Balance(op[0]);
      Add(TokenType::kOperator, at_, op);
      at_ += op.size();
      return;
    }
    const Utf8Char c = DecodeUtf8(std::string_view(source_).substr(at_));
    FailAt(at_, "unexpected character " + Printable(source_.substr(at_, c.num_bytes)));
  }

  void Balance(char c) {
    if (c == '(') open_ += ')';
    if (c == '[') open_ += ']';
    if (c == '{') open_ += '}';
    if (c != ')' && c != ']' && c != '}') return;
    if (open_.empty()) FailAt(at_, std::string("unexpected '") + c + "'");
    if (open_.back() != c) {
      FailAt(at_, std::string("unexpected '") + c + "', expected '" + open_.back() + "'");
    }
    open_.pop_back();
  }

  std::string source_;
  std::string_view name_;
  size_t at_ = 0;
  std::string open_;  // the closing brackets still to come
  std::vector<Token> tokens_;
  size_t counted_ = 0;  // position_ is that of this offset
  Position position_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source, std::string_view template_name) {
  if (!IsUtf8(source)) Fail("{}: the template is not UTF-8", template_name);
  return Lexer(source, template_name).Run();
}

}  // namespace trinity::jinja

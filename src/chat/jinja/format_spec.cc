#include "chat/jinja/format_spec.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include "base/utf8.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

constexpr int kMaxPrecision = 10000;
constexpr size_t kMaxSpecBytes = 4096;

struct Spec {
  std::string fill = " ";
  char align = 0;  // one of < > = ^
  char sign = '-';
  bool has_no_negative_zero = false;
  bool alternate = false;
  int width = 0;
  char grouping = 0;
  std::optional<int> precision;
  char type = 0;
};

bool IsAlign(char32_t c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

class SpecParser {
 public:
  SpecParser(Runtime& runtime, std::string_view text) : runtime_(runtime), chars_(Decode(text)) {}

  Spec Parse() {
    Spec spec;
    if (chars_.size() >= 2 && IsAlign(chars_[1])) {
      spec.fill = Encode(&chars_[0], &chars_[1]);
      spec.align = static_cast<char>(chars_[1]);
      at_ = 2;
    } else if (!chars_.empty() && IsAlign(chars_[0])) {
      spec.align = static_cast<char>(chars_[0]);
      at_ = 1;
    }
    const bool has_fill = at_ == 2;
    if (Peek() == '+' || Peek() == '-' || Peek() == ' ') spec.sign = Take();
    if (Peek() == 'z') spec.has_no_negative_zero = Take() == 'z';
    if (Peek() == '#') spec.alternate = Take() == '#';
    if (Peek() == '0' && !has_fill) {
      spec.fill = "0";
      if (spec.align == 0) spec.align = '=';
    }
    spec.width = Number();
    if (Peek() == ',' || Peek() == '_') spec.grouping = Take();
    if (Peek() == '.') {
      Take();
      if (!IsDigit()) runtime_.Fail("format specifier misses its precision");
      spec.precision = Number();
    }
    if (at_ < chars_.size() && chars_[at_] < 128) spec.type = Take();
    if (at_ < chars_.size()) runtime_.Fail("invalid format specifier");
    return spec;
  }

 private:
  char Peek() const {
    return at_ < chars_.size() && chars_[at_] < 128 ? static_cast<char>(chars_[at_]) : '\0';
  }
  char Take() { return static_cast<char>(chars_[at_++]); }
  bool IsDigit() const { return Peek() >= '0' && Peek() <= '9'; }
  int Number() {
    Int value = 0;
    while (IsDigit()) {
      value = value * 10 + (Take() - '0');
      if (value > 1'000'000) runtime_.Fail("a width or precision above 1000000");
    }
    return static_cast<int>(value);
  }

  Runtime& runtime_;
  std::vector<char32_t> chars_;
  size_t at_ = 0;
};

std::string Group(std::string_view digits, char separator, size_t every) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % every == 0) out += separator;
    out += digits[i];
  }
  return out;
}

// Pads to the width; `sign_size` bytes at the start stay in front of '=' padding.
std::string PadTo(const std::string& text, const Spec& spec, char default_align, size_t sign_size) {
  const char align = spec.align == 0 ? default_align : spec.align;
  const auto length = static_cast<int>(CountCodePoints(text));
  if (length >= spec.width) return text;
  const int missing = spec.width - length;
  const int left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string before;
  std::string after;
  for (int i = 0; i < left; ++i) before += spec.fill;
  for (int i = left; i < missing; ++i) after += spec.fill;
  if (align == '=') return text.substr(0, sign_size) + before + text.substr(sign_size);
  return before + text + after;
}

// Grouped digits whose zero padding is grouped too.
std::string GroupPadded(const std::string& digits, const Spec& spec, size_t every, size_t others) {
  size_t count = digits.size();
  if (spec.fill == "0" && spec.align == '=') {
    while (count + (count - 1) / every + others < static_cast<size_t>(spec.width)) ++count;
  }
  return Group(std::string(count - digits.size(), '0') + digits, spec.grouping, every);
}

std::string SignOf(bool negative, char option) {
  if (negative) return "-";
  return option == '-' ? "" : std::string(1, option);
}

std::string FormatFloatBody(double value, const Spec& spec) {
  const double magnitude = std::abs(value);
  const char type = spec.type;
  const std::string flags = spec.alternate ? "#" : "";
  if (!std::isfinite(value)) {
    const std::string text = std::isnan(value) ? "nan" : "inf";
    return std::isupper(static_cast<unsigned char>(type)) != 0 ? ToUpper(text) : text;
  }
  if (type == 0) {
    if (!spec.precision) return FloatText(magnitude);
    // As 'g', but with one digit behind the point and an exponent from that precision on.
    const int precision = std::max(*spec.precision, 1);
    std::string text = FormatFloat(magnitude, 'g', precision, flags);
    const int exponent =
        magnitude == 0 ? 0 : static_cast<int>(std::floor(std::log10(magnitude) + 1e-12));
    if (text.find('e') == text.npos && exponent == precision - 1) {
      text = FormatFloat(magnitude, 'e', precision - 1, flags);
      const size_t e = text.find('e');
      std::string mantissa = text.substr(0, e);
      if (mantissa.find('.') != mantissa.npos) {
        mantissa.erase(mantissa.find_last_not_of('0') + 1);
        if (mantissa.back() == '.') mantissa.pop_back();
      }
      return mantissa + text.substr(e);
    }
    if (text.find('.') == text.npos && text.find('e') == text.npos) text += ".0";
    return text;
  }
  const int precision = spec.precision.value_or(6);
  if (type == '%') return FormatFloat(magnitude * 100, 'f', precision, flags) + "%";
  const char conversion = type == 'n' ? 'g' : type;
  return FormatFloat(magnitude, conversion, precision, flags);
}

// Whether all digits before an exponent are 0.
bool IsZero(std::string_view body) {
  return body.substr(0, body.find_first_of("eE")).find_first_of("123456789") == body.npos;
}

std::string FormatFloatValue(Runtime& runtime, double value, const Spec& spec) {
  static constexpr std::string_view kTypes = "eEfFgGn%";
  if (spec.type != 0 && kTypes.find(spec.type) == kTypes.npos) {
    runtime.Fail("unknown format code '{}' for a float", spec.type);
  }
  if (spec.precision.value_or(0) > kMaxPrecision)
    runtime.Fail("a precision above {}", kMaxPrecision);
  std::string body = FormatFloatBody(value, spec);
  bool is_negative = std::signbit(value) && !std::isnan(value);
  if (spec.has_no_negative_zero && std::isfinite(value) && IsZero(body)) is_negative = false;
  const std::string sign = SignOf(is_negative, spec.sign);
  if (spec.grouping != 0 && std::isfinite(value)) {
    const size_t num_digits = std::min(body.find_first_not_of("0123456789"), body.size());
    const std::string rest = body.substr(num_digits);
    body = GroupPadded(body.substr(0, num_digits), spec, 3, sign.size() + rest.size()) + rest;
  }
  return PadTo(sign + body, spec, '>', sign.size());
}

std::string FormatInteger(Runtime& runtime, Int value, const Spec& spec) {
  static constexpr std::string_view kFloatTypes = "eEfFgG%";
  if (spec.type != 0 && kFloatTypes.find(spec.type) != kFloatTypes.npos) {
    return FormatFloatValue(runtime, static_cast<double>(value), spec);
  }
  if (spec.precision) runtime.Fail("precision is not allowed in an integer format");
  if (spec.has_no_negative_zero) runtime.Fail("'z' is not allowed in an integer format");
  if (spec.type == 'c') {
    if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
      runtime.Fail("{} is no character", IntText(value));
    }
    std::string character;
    AppendUtf8(static_cast<char32_t>(value), character);
    return PadTo(character, spec, '<', 0);
  }
  int base = 10;
  std::string prefix;
  switch (spec.type) {
    case 0:
    case 'd':
    case 'n':
      break;
    case 'b':
      base = 2;
      prefix = "0b";
      break;
    case 'o':
      base = 8;
      prefix = "0o";
      break;
    case 'x':
    case 'X':
      base = 16;
      prefix = spec.type == 'x' ? "0x" : "0X";
      break;
    default:
      runtime.Fail("unknown format code '{}' for an integer", spec.type);
  }
  if (spec.grouping == ',' && base != 10) runtime.Fail("',' needs a decimal format");
  std::string digits = IntText(value, base);
  if (value < 0) digits.erase(0, 1);
  if (spec.type == 'X') digits = ToUpper(digits);
  const std::string lead = SignOf(value < 0, spec.sign) + (spec.alternate ? prefix : "");
  if (spec.grouping != 0) digits = GroupPadded(digits, spec, base == 10 ? 3 : 4, lead.size());
  return PadTo(lead + digits, spec, '>', lead.size());
}

std::string FormatString(Runtime& runtime, const Value& value, const Spec& spec) {
  if (spec.type != 0 && spec.type != 's') {
    runtime.Fail("unknown format code '{}' for a string", spec.type);
  }
  if (spec.sign != '-' || spec.has_no_negative_zero || spec.alternate || spec.grouping != 0) {
    runtime.Fail("sign, 'z', '#' and grouping are not allowed for a string");
  }
  Spec padding = spec;
  if (spec.align == '=') {
    if (spec.fill != "0") runtime.Fail("'=' alignment is not allowed for a string");
    padding.align = '<';
  }
  std::string text = value.Text();
  if (spec.precision) text.resize(OffsetOf(text, static_cast<size_t>(*spec.precision)));
  return PadTo(text, padding, '<', 0);
}

}  // namespace

std::string FormatValue(Runtime& runtime, const Value& value, std::string_view spec) {
  if (spec.empty()) return Str(runtime, value);
  if (!value.IsNumber() && !value.IsString()) {
    runtime.Fail("unsupported format string for {}", TypeName(value));
  }
  if (spec.size() > kMaxSpecBytes) runtime.Fail("a format specification of {} bytes", spec.size());
  const Spec parsed = SpecParser(runtime, spec).Parse();
  if (value.IsString()) {
    if (value.IsMarkup()) runtime.Fail("unsupported format specification for Markup");
    return FormatString(runtime, value, parsed);
  }
  if (value.IsFloat()) return FormatFloatValue(runtime, value.AsFloat(), parsed);
  return FormatInteger(runtime, value.AsInt(), parsed);
}

}  // namespace trinity::jinja

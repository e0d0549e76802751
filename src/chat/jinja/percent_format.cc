#include "chat/jinja/percent_format.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/utf8.h"
#include "chat/jinja/markup.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

constexpr int kMaxWidth = 1'000'000;
constexpr int kMaxPrecision = 10'000;

struct Conversion {
  bool left = false;
  bool plus = false;
  bool space = false;
  bool alternate = false;
  bool zero = false;
  int width = 0;
  std::optional<int> precision;
  char type = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(Runtime& runtime, const Value& format, const Value& arguments)
      : runtime_(runtime), format_(format), text_(format.Text()), arguments_(arguments) {}

  std::string Format() {
    TextBuilder out(runtime_);
    while (!text_.empty()) {
      const size_t percent = text_.find('%');
      out.Append(text_.substr(0, percent));
      if (percent == text_.npos) break;
      text_.remove_prefix(percent + 1);
      out.Append(One());
    }
    CheckAllUsed();
    return out.Take();
  }

 private:
  std::string One() {
    std::optional<Value> keyed;
    if (Peek() == '(') keyed = Keyed();
    const Conversion conversion = ParseConversion();
    if (conversion.type == '%') return "%";
    const Value value = keyed ? *keyed : NextArgument();
    return Convert(conversion, value);
  }

  char Peek() const { return text_.empty() ? '\0' : text_[0]; }
  char Take() {
    if (text_.empty()) runtime_.Fail("incomplete format");
    const char c = text_[0];
    text_.remove_prefix(1);
    return c;
  }

  Value Keyed() {
    Take();
    size_t end = 0;
    for (int open = 1; end < text_.size(); ++end) {
      if (text_[end] == '(') ++open;
      if (text_[end] == ')' && --open == 0) break;
    }
    if (end >= text_.size()) runtime_.Fail("incomplete format key");
    const std::string_view key = text_.substr(0, end);
    if (arguments_.IsUndefined()) FailUndefined(runtime_, arguments_);
    if (!arguments_.IsDict()) runtime_.Fail("format requires a mapping");
    const Value* found = arguments_.AsDict().FindText(key);
    if (found == nullptr) runtime_.Fail("format: there is no key '{}'", key);
    text_.remove_prefix(end + 1);
    used_mapping_ = true;
    return *found;
  }

  Conversion ParseConversion() {
    Conversion conversion;
    for (bool more = true; more;) {
      switch (Peek()) {
        case '-':
          conversion.left = true;
          break;
        case '+':
          conversion.plus = true;
          break;
        case ' ':
          conversion.space = true;
          break;
        case '#':
          conversion.alternate = true;
          break;
        case '0':
          conversion.zero = true;
          break;
        default:
          more = false;
      }
      if (more) Take();
    }
    conversion.width = Number(kMaxWidth);
    if (conversion.width < 0) {
      conversion.left = true;
      conversion.width = -conversion.width;
    }
    if (Peek() == '.') {
      Take();
      conversion.precision = std::max(Number(kMaxPrecision), 0);
    }
    while (Peek() == 'h' || Peek() == 'l' || Peek() == 'L') Take();
    conversion.type = Take();
    return conversion;
  }

  int Number(int limit) {
    if (Peek() == '*') {
      Take();
      const Value value = NextArgument();
      if (!value.IsIntegral()) runtime_.Fail("* wants an integer");
      if (value.AsInt() > limit || value.AsInt() < -limit) TooLarge(limit);
      return static_cast<int>(value.AsInt());
    }
    int number = 0;
    while (Peek() >= '0' && Peek() <= '9') {
      number = number * 10 + (Take() - '0');
      if (number > limit) TooLarge(limit);
    }
    return number;
  }

  [[noreturn]] void TooLarge(int limit) { runtime_.Fail("a width or precision above {}", limit); }

  Value NextArgument() {
    if (arguments_.kind() == Kind::kTuple) {
      if (next_ >= arguments_.Items().size()) runtime_.Fail("not enough arguments for format");
      return arguments_.Items()[next_++];
    }
    if (next_++ > 0 || used_mapping_) runtime_.Fail("not enough arguments for format");
    return arguments_;
  }

  // Python lets what has subscripts, and is no tuple or string, stay unused.
  void CheckAllUsed() {
    switch (arguments_.kind()) {
      case Kind::kTuple:
        if (next_ < arguments_.Items().size()) break;
        return;
      case Kind::kDict:
      case Kind::kList:
      case Kind::kRange:
      case Kind::kUndefined:
        return;
      default:
        if (next_ > 0) return;
    }
    runtime_.Fail("not all arguments were converted by the format");
  }

  std::string Convert(const Conversion& conversion, const Value& value) {
    switch (conversion.type) {
      case 's':
        return Text(conversion, format_.IsMarkup() ? Escaped(value) : Str(runtime_, value));
      case 'r':
        return Text(conversion, MaybeEscape(Repr(runtime_, value)));
      case 'a':
        return Text(conversion, MaybeEscape(Ascii(runtime_, value)));
      case 'c':
        return Text(conversion, Character(value));
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return Integer(conversion, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return Real(conversion, value);
      default:
        runtime_.Fail("unsupported format character '{}'", conversion.type);
    }
  }

  std::string Escaped(const Value& value) {
    return EscapedText(runtime_, SoftString(runtime_, value));
  }
  std::string MaybeEscape(const std::string& text) {
    return format_.IsMarkup() ? EscapeHtml(runtime_, text) : text;
  }

  std::string Character(const Value& value) {
    if (value.IsString() && value.AsString().num_code_points == 1) return value.Text();
    const bool fits = value.IsIntegral() && value.AsInt() >= 0 && value.AsInt() <= 0x10FFFF &&
                      !(value.AsInt() >= 0xD800 && value.AsInt() < 0xE000);
    if (!fits) runtime_.Fail("%c requires an integer or one character");
    std::string out;
    AppendUtf8(static_cast<char32_t>(value.AsInt()), out);
    return out;
  }

  std::string Text(const Conversion& conversion, std::string text) {
    if (conversion.precision) {
      text.resize(OffsetOf(text, static_cast<size_t>(*conversion.precision)));
    }
    return Padded(conversion, "", text);
  }

  // %d of Markup arguments and of floats takes the whole part, as int() does.
  std::string Integer(const Conversion& conversion, const Value& value) {
    const bool is_decimal = std::string_view("diu").find(conversion.type) != std::string_view::npos;
    if (value.IsUndefined()) FailUndefined(runtime_, value);
    if (!value.IsIntegral() && !(is_decimal && value.IsFloat())) {
      runtime_.Fail("%{} requires an integer, found {}", conversion.type, TypeName(value));
    }
    const Int number = value.IsFloat() ? IntFromFloat(runtime_, value.AsFloat()) : value.AsInt();
    const int base = is_decimal ? 10 : conversion.type == 'o' ? 8 : 16;
    std::string digits = IntText(number, base);
    if (number < 0) digits.erase(0, 1);
    if (conversion.precision && digits.size() < static_cast<size_t>(*conversion.precision)) {
      digits.insert(0, static_cast<size_t>(*conversion.precision) - digits.size(), '0');
    }
    std::string lead = Sign(conversion, number < 0);
    if (conversion.alternate && base != 10) lead += base == 8 ? "0o" : "0x";
    return Numeric(conversion, lead, digits);
  }

  std::string Real(const Conversion& conversion, const Value& value) {
    if (value.IsUndefined()) FailUndefined(runtime_, value);
    if (!value.IsNumber()) runtime_.Fail("must be a real number, found {}", TypeName(value));
    const double number = value.AsFloat();
    const std::string lead = Sign(conversion, std::signbit(number) && !std::isnan(number));
    std::string digits = std::isnan(number) ? "nan" : "inf";
    if (std::isfinite(number)) {
      digits = FormatFloat(std::abs(number), conversion.type, conversion.precision.value_or(6),
                           conversion.alternate ? "#" : "");
    }
    return Numeric(conversion, lead, digits);
  }

  std::string Numeric(const Conversion& conversion, const std::string& lead,
                      const std::string& digits) {
    const bool is_upper = conversion.type >= 'A' && conversion.type <= 'Z';
    return is_upper ? Padded(conversion, ToUpper(lead), ToUpper(digits), conversion.zero)
                    : Padded(conversion, lead, digits, conversion.zero);
  }

  static std::string Sign(const Conversion& conversion, bool negative) {
    return negative ? "-" : conversion.plus ? "+" : conversion.space ? " " : "";
  }

  static std::string Padded(const Conversion& conversion, const std::string& lead,
                            const std::string& body, bool with_zeros = false) {
    const size_t length = CountCodePoints(lead) + CountCodePoints(body);
    const auto width = static_cast<size_t>(conversion.width);
    if (length >= width) return lead + body;
    const std::string spaces(width - length, ' ');
    if (conversion.left) return lead + body + spaces;
    return with_zeros ? lead + std::string(width - length, '0') + body : spaces + lead + body;
  }

  Runtime& runtime_;
  const Value& format_;
  std::string_view text_;
  const Value& arguments_;
  size_t next_ = 0;
  bool used_mapping_ = false;
};

}  // namespace

Value PercentFormat(Runtime& runtime, const Value& format, const Value& arguments) {
  PercentFormatter formatter(runtime, format, arguments);
  return runtime.StringLike(format, formatter.Format());
}

}  // namespace trinity::jinja

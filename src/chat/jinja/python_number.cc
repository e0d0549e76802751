#include "chat/jinja/python_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/utf8.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// White space stripped and decimal digits of other scripts made ASCII; absent where another
// character stands that no number has.
std::optional<std::string> NumberText(std::string_view text) {
  std::string out;
  for (const char32_t c : CodePoints(StripSpace(text))) {
    if (c < 128) {
      out += static_cast<char>(c);
    } else if (IsIn(CharClass::kDecimal, c)) {
      char32_t zero = c;
      while (zero > 0 && IsIn(CharClass::kDecimal, zero - 1) && c - zero < 9) --zero;
      out += static_cast<char>('0' + (c - zero) % 10);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// Takes a prefix like 0x where the base allows it. Base 0 becomes what the prefix says.
bool TakePrefix(std::string_view& digits, int& base) {
  int prefixed = 0;
  if (digits.size() > 1 && digits[0] == '0') {
    const char letter = static_cast<char>(digits[1] | 0x20);
    prefixed = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  }
  if (prefixed != 0 && (base == 0 || base == prefixed)) {
    base = prefixed;
    digits.remove_prefix(2);
    if (!digits.empty() && digits[0] == '_') digits.remove_prefix(1);
    return true;
  }
  if (base == 0) {
    base = 10;
    const bool is_zero = digits.find_first_not_of("0_") == digits.npos;
    return digits.empty() || digits[0] != '0' || is_zero;
  }
  return true;
}

// '_' may stand between two digits only.
bool RemoveUnderscores(std::string& text) {
  if (text.find('_') == text.npos) return true;
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const auto is_digit = [&](size_t at) {
      return at < text.size() && text[at] >= '0' && text[at] <= '9';
    };
    if (i == 0 || !is_digit(i - 1) || !is_digit(i + 1)) return false;
  }
  text = out;
  return true;
}

bool IsDecimalFloat(std::string_view text) {
  const auto digits = [&text] {
    size_t count = 0;
    while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
    text.remove_prefix(count);
    return count;
  };
  size_t mantissa = digits();
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    mantissa += digits();
  }
  if (mantissa == 0) return false;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

}  // namespace

std::string_view StripSpace(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (!IsSpace(c.code_point)) break;
    text.remove_prefix(c.num_bytes);
  }
  while (!text.empty()) {
    const Utf8Char c = LastCharacter(text);
    if (!IsSpace(c.code_point)) break;
    text.remove_suffix(c.num_bytes);
  }
  return text;
}

std::string IntText(Int value) { return IntText(value, 10); }

std::string IntText(Int value, int base) {
  UnsignedInt rest = value < 0 ? -static_cast<UnsignedInt>(value) : static_cast<UnsignedInt>(value);
  std::string out;
  do {
    out += "0123456789abcdef"[static_cast<int>(rest % static_cast<unsigned>(base))];
    rest /= static_cast<unsigned>(base);
  } while (rest != 0);
  if (value < 0) out += '-';
  std::reverse(out.begin(), out.end());
  return out;
}

std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t e = text.find('e');
  const char* exponent_begin = buffer + e + 1;
  if (*exponent_begin == '+') ++exponent_begin;  // which the library writes and does not read
  int exponent = 0;
  std::from_chars(exponent_begin, end.ptr, exponent);
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  std::string out = std::signbit(value) ? "-" : "";
  const int num_digits = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits.substr(0, 1);
    if (num_digits > 1) out += "." + digits.substr(1);
    const int magnitude = std::abs(exponent);
    return out + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") +
           std::to_string(magnitude);
  }
  if (exponent < 0) {
    return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  }
  if (num_digits <= exponent + 1) {
    return out + digits + std::string(static_cast<size_t>(exponent + 1 - num_digits), '0') + ".0";
  }
  const auto point = static_cast<size_t>(exponent) + 1;
  return out + digits.substr(0, point) + "." + digits.substr(point);
}

std::optional<Int> ParseInt(Runtime& runtime, std::string_view text, int base) {
  const std::optional<std::string> ascii = NumberText(text);
  if (!ascii) return std::nullopt;
  std::string_view digits = *ascii;
  const bool negative = !digits.empty() && digits[0] == '-';
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (!TakePrefix(digits, base) || digits.empty()) return std::nullopt;
  Int value = 0;
  bool after_digit = false;
  for (const char c : digits) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    const int digit = DigitOf(c);
    if (digit >= base) return std::nullopt;
    value = CheckedAdd(runtime, CheckedMultiply(runtime, value, base), digit);
    after_digit = true;
  }
  if (!after_digit) return std::nullopt;
  return negative ? -value : value;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::optional<std::string> ascii = NumberText(text);
  if (!ascii || !RemoveUnderscores(*ascii)) return std::nullopt;
  std::string_view body = *ascii;
  const bool negative = !body.empty() && body[0] == '-';
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  const std::string lower = ToLower(body);
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = HUGE_VAL;
  } else if (lower == "nan") {
    value = std::nan("");
  } else if (IsDecimalFloat(body)) {
    value = std::strtod(lower.c_str(), nullptr);
  } else {
    return std::nullopt;
  }
  return negative ? -value : value;
}

double RoundFloat(double value, int num_digits) {
  if (!std::isfinite(value) || num_digits > 323) return value;
  if (num_digits < -308) return std::copysign(0.0, value);
  if (num_digits >= 0) return std::strtod(FormatFloat(value, 'f', num_digits).c_str(), nullptr);
  // Digits before the point: print those that stay, in scientific form.
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, "%.0f", std::abs(value));
  const int num_whole = static_cast<int>(std::string_view(buffer).size());
  const int keep = num_whole + num_digits;
  if (keep < 0) return std::copysign(0.0, value);
  if (keep == 0) {
    double unit = 1;
    for (int i = 0; i < num_whole; ++i) unit *= 10;
    return std::copysign(std::abs(value) > unit / 2 ? unit : 0.0, value);
  }
  std::snprintf(buffer, sizeof buffer, "%.*e", keep - 1, value);
  return std::strtod(buffer, nullptr);
}

Int RoundInt(Runtime& runtime, Int value, int num_digits) {
  if (num_digits >= 0) return value;
  if (num_digits < -38) return 0;
  Int unit = 1;
  for (int i = 0; i < -num_digits; ++i) unit = CheckedMultiply(runtime, unit, 10);
  Int quotient = value / unit;
  const Int remainder = value % unit;
  const Int twice = CheckedMultiply(runtime, remainder < 0 ? -remainder : remainder, 2);
  if (twice > unit || (twice == unit && quotient % 2 != 0)) quotient += value < 0 ? -1 : 1;
  return quotient * unit;
}

std::string FormatFloat(double value, char conversion, int precision, std::string_view flags) {
  const std::string format = "%" + std::string(flags) + ".*" + conversion;
  const int size = std::snprintf(nullptr, 0, format.c_str(), precision, value);
  std::string out(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(out.data(), out.size(), format.c_str(), precision, value);
  out.pop_back();
  return out;
}

}  // namespace trinity::jinja

#include "chat/jinja/string_literal.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace trinity::jinja {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class LiteralDecoder {
 public:
  explicit LiteralDecoder(std::string_view body) : rest_(body) {}

  bool Decode() {
    while (!rest_.empty()) {
      if (rest_[0] != '\\' || rest_.size() == 1) {
        out_ += rest_[0];
        rest_.remove_prefix(1);
      } else if (!Escape()) {
        return false;
      }
    }
    return true;
  }

  std::string& out() { return out_; }
  std::string& message() { return message_; }

 private:
  bool Escape() {
    const char c = rest_[1];
    rest_.remove_prefix(2);
    static constexpr std::string_view kFrom = "\\'\"abfnrtv";
    static constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t at = kFrom.find(c); at != kFrom.npos) {
      out_ += kTo[at];
      return true;
    }
    switch (c) {
      case '\n':
        return true;
      case 'x':
        return Hex(2);
      case 'u':
        return Hex(4);
      case 'U':
        return Hex(8);
      case 'N':
        return Refuse("\\N escapes are not supported");
      default:
        break;
    }
    if (c >= '0' && c <= '7') return Octal(c - '0');
    out_ += '\\';
    if (static_cast<uint8_t>(c) < 0x80) {
      out_ += c;
      return true;
    }
    return Doubled(c);
  }

  // Jinja2 turns what is not ASCII into escapes before it decodes them, so that a backslash in
  // front swallows the backslash of the escape.
  bool Doubled(char lead) {
    const std::string text = lead + std::string(rest_.substr(0, 3));
    const Utf8Char c = DecodeUtf8(text);
    const auto code = static_cast<uint32_t>(c.code_point);
    rest_.remove_prefix(c.num_bytes - 1);
    if (code < 0x100) {
      out_ += fmt::format("x{:02x}", code);
    } else {
      out_ += code < 0x10000 ? fmt::format("u{:04x}", code) : fmt::format("U{:08x}", code);
    }
    return true;
  }

  bool Hex(size_t num_digits) {
    uint64_t code = 0;
    for (size_t i = 0; i < num_digits; ++i) {
      const int digit = i < rest_.size() ? HexDigit(rest_[i]) : -1;
      if (digit < 0) return Refuse("a \\x, \\u or \\U escape is cut short");
      code = code * 16 + static_cast<uint64_t>(digit);
    }
    rest_.remove_prefix(num_digits);
    return Put(code);
  }

  bool Octal(int first) {
    auto code = static_cast<uint64_t>(first);
    for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) {
      code = code * 8 + static_cast<uint64_t>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return Put(code);
  }

  bool Put(uint64_t code) {
    if (code > 0x10FFFF) return Refuse("an escape beyond Unicode");
    if (code >= 0xD800 && code < 0xE000) return Refuse("surrogates are not supported");
    AppendUtf8(static_cast<char32_t>(code), out_);
    return true;
  }

  bool Refuse(std::string_view message) {
    message_ = message;
    return false;
  }

  std::string_view rest_;
  std::string out_;
  std::string message_;
};

}  // namespace

std::optional<std::string> DecodeStringLiteral(std::string_view body, std::string& message) {
  LiteralDecoder decoder(body);
  if (decoder.Decode()) return std::move(decoder.out());
  message = decoder.message();
  return std::nullopt;
}

}  // namespace trinity::jinja

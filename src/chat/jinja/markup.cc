#include "chat/jinja/markup.h"

#include <cstdlib>

#include "base/utf8.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

// Removes everything from each `open` to the next `close` after it, while there is a pair.
std::string RemoveBetween(std::string_view text, std::string_view open, std::string_view close) {
  std::string out;
  while (true) {
    const size_t start = text.find(open);
    const size_t end = start == text.npos ? text.npos : text.find(close, start);
    if (end == text.npos) return out += text;
    out += text.substr(0, start);
    text.remove_prefix(end + close.size());
  }
}

std::string CollapseSpaces(std::string_view text) {
  std::string out;
  bool gap = false;
  for (const char32_t c : CodePoints(text)) {
    if (IsSpace(c)) {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out += ' ';
    gap = false;
    AppendUtf8(c, out);
  }
  return out;
}

// The character that the entity name (without & and ;) stands for; 0 if it is not known.
char32_t EntityCharacter(std::string_view name) {
  if (name == "amp") return '&';
  if (name == "lt") return '<';
  if (name == "gt") return '>';
  if (name == "quot") return '"';
  if (name == "apos") return '\'';
  if (name == "nbsp") return 0xA0;
  if (name.size() < 2 || name[0] != '#') return 0;
  const bool is_hex = name[1] == 'x' || name[1] == 'X';
  const std::string digits(name.substr(is_hex ? 2 : 1));
  if (digits.empty() || digits.size() > 7) return 0;
  char* end = nullptr;
  const unsigned long code = std::strtoul(digits.c_str(), &end, is_hex ? 16 : 10);
  const bool is_scalar = code > 0 && code < 0x110000 && (code < 0xD800 || code > 0xDFFF);
  return *end == '\0' && is_scalar ? static_cast<char32_t>(code) : 0;
}

std::string Unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = text[0] == '&' ? text.substr(0, 12).find(';') : text.npos;
    const char32_t c = end == text.npos ? 0 : EntityCharacter(text.substr(1, end - 1));
    if (c == 0) {
      out += text[0];
      text.remove_prefix(1);
    } else {
      AppendUtf8(c, out);
      text.remove_prefix(end + 1);
    }
  }
  return out;
}

}  // namespace

std::string EscapeHtml(Runtime& runtime, std::string_view text) {
  TextBuilder out(runtime);
  for (const char c : text) {
    switch (c) {
      case '&':
        out.Append("&amp;");
        break;
      case '<':
        out.Append("&lt;");
        break;
      case '>':
        out.Append("&gt;");
        break;
      case '"':
        out.Append("&#34;");
        break;
      case '\'':
        out.Append("&#39;");
        break;
      default:
        out.Append(c);
    }
  }
  return out.Take();
}

std::string EscapedText(Runtime& runtime, const Value& string) {
  return string.IsMarkup() ? string.Text() : EscapeHtml(runtime, string.Text());
}

std::string StripTags(Runtime& runtime, std::string_view html) {
  // Each step makes a text that is no longer than the one before, which lives on.
  const MemoryCharge charge = runtime.Borrow(4 * html.size());
  const std::string without_comments = RemoveBetween(html, "<!--", "-->");
  return Unescape(CollapseSpaces(RemoveBetween(without_comments, "<", ">")));
}

}  // namespace trinity::jinja

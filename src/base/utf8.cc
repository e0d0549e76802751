#include "base/utf8.h"

#include "base/check.h"

namespace trinity {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Lead {
  size_t length;       // 0: cannot begin a character
  uint8_t second_low;  // allowed range of the second byte
  uint8_t second_high;
};

Lead LeadOf(uint8_t b) {
  if (b < 0x80) return {1, 0, 0};
  if (b < 0xC2) return {0, 0, 0};
  if (b < 0xE0) return {2, 0x80, 0xBF};
  if (b == 0xE0) return {3, 0xA0, 0xBF};
  if (b == 0xED) return {3, 0x80, 0x9F};
  if (b < 0xF0) return {3, 0x80, 0xBF};
  if (b == 0xF0) return {4, 0x90, 0xBF};
  if (b < 0xF4) return {4, 0x80, 0xBF};
  if (b == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Char DecodeUtf8(std::string_view text) {
  TRINITY_CHECK(!text.empty());
  const auto first = static_cast<uint8_t>(text[0]);
  const Lead lead = LeadOf(first);
  if (lead.length == 1) return {first, 1, true, false};
  if (lead.length == 0) return {kReplacement, 1, false, false};
  char32_t code_point = first & (0x7F >> lead.length);
  for (size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {kReplacement, i, false, true};
    const auto b = static_cast<uint8_t>(text[i]);
    const uint8_t low = i == 1 ? lead.second_low : 0x80;
    const uint8_t high = i == 1 ? lead.second_high : 0xBF;
    if (b < low || b > high) return {kReplacement, i, false, false};
    code_point = (code_point << 6) | (b & 0x3F);
  }
  return {code_point, lead.length, true, false};
}

void AppendUtf8(char32_t c, std::string& out) {
  TRINITY_CHECK(c < 0x110000 && (c < 0xD800 || c > 0xDFFF));
  const auto put = [&out](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (!c.valid) return false;
    text.remove_prefix(c.num_bytes);
  }
  return true;
}

std::string ToValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Char c = DecodeUtf8(text);
    if (c.valid) {
      out += text.substr(0, c.num_bytes);
    } else {
      AppendUtf8(kReplacement, out);
    }
    text.remove_prefix(c.num_bytes);
  }
  return out;
}

}  // namespace trinity

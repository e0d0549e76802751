#include "base/error.h"

#include <string_view>

#include "base/utf8.h"

namespace trinity {

std::string Printable(std::string_view text, size_t max_bytes) {
  std::string out;
  size_t at = 0;
  while (at < text.size() && out.size() < max_bytes) {
    const Utf8Char c = DecodeUtf8(text.substr(at));
    const auto byte = static_cast<unsigned char>(text[at]);
    if (!c.valid || byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
      ++at;
      continue;
    }
    out += text.substr(at, c.num_bytes);
    at += c.num_bytes;
  }
  if (at < text.size()) out += "...";
  return out;
}

}  // namespace trinity

#include "fuzz/byte_alphabet_json.h"

#include <fmt/format.h>

#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

constexpr std::string_view kPlace = "@BYTES@";

std::string Entries() {
  std::string entries;
  for (int byte = 0; byte < 256; ++byte) {
    std::string spelling = SpellingOfByte(static_cast<uint8_t>(byte));
    if (spelling == "\"" || spelling == "\\") spelling.insert(0, "\\");
    entries += fmt::format("{}\"{}\": {}", byte == 0 ? "" : ", ", spelling, byte);
  }
  return entries;
}

}  // namespace

std::string WithByteAlphabet(std::string_view json) {
  static const std::string entries = Entries();
  std::string text(json);
  const size_t at = text.find(kPlace);
  if (at != text.npos) text.replace(at, kPlace.size(), entries);
  return text;
}

}  // namespace trinity

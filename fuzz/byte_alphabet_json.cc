#include "fuzz/byte_alphabet_json.h"

#include <fmt/format.h>

#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

// `format` for each byte: {0} is its spelling as a JSON string, {1} its value.
std::string ForEachByte(const char* format) {
  std::string entries;
  for (int byte = 0; byte < 256; ++byte) {
    std::string spelling = SpellingOfByte(static_cast<uint8_t>(byte));
    if (spelling == "\"" || spelling == "\\") spelling.insert(0, "\\");
    if (byte > 0) entries += ", ";
    entries += fmt::format(fmt::runtime(format), '"' + spelling + '"', byte);
  }
  return entries;
}

void ReplaceFirst(std::string& text, std::string_view place, const std::string& with) {
  const size_t at = text.find(place);
  if (at != text.npos) text.replace(at, place.size(), with);
}

}  // namespace

std::string WithByteAlphabet(std::string_view json) {
  static const std::string bytes = ForEachByte("{0}: {1}"), tokens = ForEachByte("{0}"),
                           types = ForEachByte("1");
  std::string text(json);
  ReplaceFirst(text, "@BYTES@", bytes);
  ReplaceFirst(text, "@TOKENS@", tokens);
  ReplaceFirst(text, "@TYPES@", types);
  return text;
}

}  // namespace trinity

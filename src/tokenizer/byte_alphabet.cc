#include "tokenizer/byte_alphabet.h"

#include <array>

#include "base/utf8.h"

namespace trinity {
namespace {

constexpr size_t kNumSymbols = 0x144;  // the highest is U+0143

constexpr bool IsItself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> symbol_of{};
  std::array<int16_t, kNumSymbols> byte_of{};  // -1: no symbol
};

constexpr Alphabet MakeAlphabet() {
  Alphabet alphabet;
  for (int16_t& byte : alphabet.byte_of) byte = -1;
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t symbol = IsItself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.symbol_of[static_cast<size_t>(byte)] = symbol;
    alphabet.byte_of[symbol] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = MakeAlphabet();

}  // namespace

bool BytesOfSpelling(std::string_view spelling, std::string& bytes) {
  bytes.clear();
  std::string_view rest = spelling;
  while (!rest.empty()) {
    const Utf8Char c = DecodeUtf8(rest);
    const int16_t byte = c.code_point < kNumSymbols ? kAlphabet.byte_of[c.code_point] : int16_t{-1};
    if (byte < 0) {
      bytes = spelling;
      return false;
    }
    bytes.push_back(static_cast<char>(byte));
    rest.remove_prefix(c.num_bytes);
  }
  return true;
}

std::string SpellingOfByte(uint8_t byte) {
  std::string spelling;
  AppendUtf8(kAlphabet.symbol_of[byte], spelling);
  return spelling;
}

}  // namespace trinity

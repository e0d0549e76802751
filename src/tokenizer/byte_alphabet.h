#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trinity {

// The byte alphabet of GPT-2 gives each byte a printable character: 0x21-0x7E, 0xA1-0xAC and
// 0xAE-0xFF stand for themselves, the other 68 bytes, ascending, are U+0100 and on. Tokens are
// spelled in it, so a space is written as U+0120.

// Writes the bytes that `spelling` (UTF-8) stands for to `bytes` and returns true. If a character
// is not of the alphabet, `spelling` stands for itself: writes it unchanged and returns false.
bool BytesOfSpelling(std::string_view spelling, std::string& bytes);

// The character of `byte`, in UTF-8.
std::string SpellingOfByte(uint8_t byte);

}  // namespace trinity

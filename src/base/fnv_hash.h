#pragma once

#include <cstdint>
#include <string_view>

namespace trinity {

// FNV-1a (Fowler, Noll, Vo), 64 bits: the same on every machine. For telling things apart, not for
// keeping anyone out. `hash`: of what came before.
constexpr uint64_t FnvHash(std::string_view bytes, uint64_t hash = 0xCBF29CE484222325) {
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001B3;
  return hash;
}

}  // namespace trinity

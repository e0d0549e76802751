#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace trinity {

// A number that differs, almost surely, where any bit of `logits` does: rows are compared without
// being kept. FNV-1a over 32-bit words.
inline uint64_t LogitDigest(std::span<const float> logits) {
  uint64_t digest = 0xcbf29ce484222325;
  for (const float value : logits) {
    digest = (digest ^ std::bit_cast<uint32_t>(value)) * 0x100000001b3;
  }
  return digest;
}

}  // namespace trinity

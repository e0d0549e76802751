#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace trinity {

// How many tokens two texts have in common from their beginning on.
inline int64_t SharedBeginning(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto size = static_cast<int64_t>(std::min(a.size(), b.size()));
  return std::mismatch(a.begin(), a.begin() + size, b.begin()).first - a.begin();
}

}  // namespace trinity

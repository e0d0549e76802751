#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/attend.h"

namespace trinity {

// The keys and values of one attention block and one kv head, as AttendBlock was given them.
struct KvBlock {
  const std::array<const std::byte*, kAttentionBlockPages>& pages;
  int64_t head_dim;
  DType dtype;
  float scale;

  // The values of `position` of the block, or the keys of its group of kKeyGroupTokens.
  template <class Stored>
  const Stored* ValuesAt(int64_t position) const {
    const auto* page =
        reinterpret_cast<const Stored*>(pages[static_cast<size_t>(position / kKvPageTokens)]);
    return page + (kKvPageTokens + position % kKvPageTokens) * head_dim;
  }
  template <class Stored>
  const Stored* KeysOfGroup(int64_t group) const {
    constexpr int64_t kPageGroups = kKvPageTokens / kKeyGroupTokens;
    const auto* page =
        reinterpret_cast<const Stored*>(pages[static_cast<size_t>(group / kPageGroups)]);
    return page + group % kPageGroups * head_dim * kKeyGroupTokens;
  }
};

}  // namespace trinity

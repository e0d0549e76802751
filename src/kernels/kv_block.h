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

  int64_t ChunkBytes() const { return BytesOf(dtype, kKvChunkTokens * head_dim); }
  int64_t PageValueBytes() const { return BytesOf(dtype, kKvPageTokens * head_dim); }

  // The keys of a chunk, and the values of a page, both counted within the block.
  const std::byte* KeysOf(int64_t chunk) const {
    constexpr int64_t kPageChunks = kKvPageTokens / kKvChunkTokens;
    return pages[static_cast<size_t>(chunk / kPageChunks)] + chunk % kPageChunks * ChunkBytes();
  }
  const std::byte* ValuesOf(int64_t page) const {
    return pages[static_cast<size_t>(page)] + PageValueBytes();  // the keys take as many
  }
};

// Where a position's key and value are stored.
struct KvPlace {
  DType dtype;
  std::byte* keys;  // of the chunk
  int64_t key_token;
  std::byte* values;  // of the page
  int64_t value_token;
};

}  // namespace trinity

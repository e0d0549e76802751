#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/dtype.h"

namespace trinity {

// Attention over cached keys and values, one block of positions at a time.
//
// A page holds kKvPageTokens consecutive positions of one layer and one kv head, rounded to the
// cache's dtype: F32, F16 or BF16 (to nearest even), or Q8_0 (blocks of 32 dimensions of a
// position, as quant/ rounds them). First stand the keys, in chunks of kKvChunkTokens positions as
// [head_dim][kKvChunkTokens], so that a vector of keys feeds as many scores and nothing is summed
// across lanes; then the values, in slices of kKvSliceDims dimensions (the last may be narrower) as
// [kKvPageTokens][dimensions]. How Q8_0 lays out codes and scales stands in kernels/kv_unpack.h.
inline constexpr int64_t kKvPageTokens = 64;

// Pages that positions [0, num_tokens) stand in.
inline constexpr int64_t KvPagesFor(int64_t num_tokens) {
  return (num_tokens + kKvPageTokens - 1) / kKvPageTokens;
}
inline constexpr int64_t kKvChunkTokens = 32;
inline constexpr int64_t kKvSliceDims = 64;

// Whether keys and values of this many dimensions can be cached in `dtype`.
bool IsKvDType(DType dtype, int64_t head_dim);

// What queries, keys, weights and values are before they are multiplied. Sums are float32.
enum class AttentionPrecision : uint8_t {
  kFloat32,   // as they are
  kBFloat16,  // rounded to nearest even; softmax weights too, before they are summed
};

// Whether the active SIMD level gains by kBFloat16: whether it multiplies matrices of it.
bool GainsByBF16Attention();

// Softmax partials belong to blocks of this many absolute positions and merge in ascending order:
// both fix the order of every sum, whatever the threads and chunks.
inline constexpr int64_t kAttentionBlockTokens = 256;
inline constexpr int64_t kAttentionBlockPages = kAttentionBlockTokens / kKvPageTokens;
inline constexpr int64_t kAttentionBlockChunks = kAttentionBlockTokens / kKvChunkTokens;

// Queries that share what is unpacked of keys and values: with so many at a time AttendBlock works
// best.
inline constexpr int64_t kAttentionTileQueries = 48;

// Bytes of one such page (keys and values of one layer and kv head).
int64_t KvPageBytes(DType dtype, int64_t head_dim);

// Rounds key and value [head_dim] into place `slot` (position % kKvPageTokens) of a page.
void StoreKeyValue(const float* key, const float* value, int64_t head_dim, DType dtype,
                   int64_t slot, std::byte* page);

// Softmax-weighted values of some keys, not yet divided by the sum.
struct AttentionPartial {
  float max;      // of the scores; -infinity where no key was seen
  float sum;      // of exp(score - max)
  float* values;  // [head_dim]: sum of exp(score - max) * value
};

// One query of a block.
struct BlockQuery {
  const float* query;         // [head_dim]
  int64_t first;              // visible positions of the block, as offsets from its beginning:
  int64_t end;                // [first, end), 0 <= first < end <= kAttentionBlockTokens
  AttentionPartial* partial;  // written
};

// The keys and values of one block and kv head. pages[j] holds positions [64 j, 64 j + 64) of the
// block; it is read only where some query sees a position of it.
struct KvBlock {
  std::array<const std::byte*, kAttentionBlockPages> pages;
  int64_t head_dim;
  DType dtype;

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

// Computes the partials of `queries`, which share a kv head, over one block: score = scale * (q .
// k). Positions outside of [first, end) are never multiplied by a weight: they may hold NaN.
// A query's partial is the same to the bit whatever other queries come along.
void AttendBlock(std::span<const BlockQuery> queries, const KvBlock& block, float scale,
                 AttentionPrecision precision);

// totals[i] = totals[i] and next[i], as softmax partials merge: both are scaled to the larger max
// and added. Either may be empty (max = -infinity).
void MergePartials(std::span<const AttentionPartial> next, int64_t head_dim,
                   std::span<AttentionPartial> totals);

// out[i] = total.values[i] / total.sum
void FinishAttention(const AttentionPartial& total, int64_t head_dim, float* out);

}  // namespace trinity

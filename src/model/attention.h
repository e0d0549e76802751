#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/attend.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/head_group.h"
#include "model/rank_slice.h"
#include "model/step.h"
#include "model/weights.h"

namespace trinity {

// Gated attention with normed queries and keys and grouped heads, over the layer's cache.
class Attention {
 public:
  // `layer_of_kind`: this layer's place among the layers of its kind, which is its place in the
  // cache.
  // Computes the heads of `slice`, whose part of the output it gives.
  Attention(const Config& config, const RankSlice& slice, const LayerPlan& plan,
            const AttentionWeights& weights, int64_t layer_of_kind, ThreadPool& pool);

  // attention_input -> attention_output. Writes the keys and values of all rows into the caches.
  void Forward(const Step& step, Activations& a) const;

 private:
  // Up to TileRows() rows of one sequence, and the query heads of one kv head.
  struct Tile {
    const StepSequence* sequence;
    HeadGroup heads;
    int64_t first_row;
    int64_t num_rows;
  };
  struct BlockRange {
    int64_t first;
    int64_t end;
  };

  void NormAndRotate(int64_t row, Activations& a) const;
  void Store(int64_t row, const Step& step, const Activations& a) const;
  void Attend(const Step& step, Activations& a) const;
  void AttendWholeTile(const Tile& tile, Activations& a) const;
  void AttendInBlocks(std::span<const Tile> tiles, int64_t most_blocks, Activations& a) const;
  // partials: of the tile's queries, row by row, then head by head.
  void AttendTileBlock(const Tile& tile, int64_t block, const Activations& a,
                       std::span<AttentionPartial> partials) const;
  // As many as fill a call of the kernel.
  int64_t TileRows() const;
  // In memory that the thread keeps; good until its next call.
  std::span<const Tile> TilesOf(const Step& step) const;

  // Where the result of a tile's query goes: [head_dim] within attended.
  float* OutputOf(const Tile& tile, int64_t query, Activations& a) const;
  int64_t FirstVisible(int64_t position) const;
  BlockRange BlocksOf(const Tile& tile) const;
  int64_t num_kv_heads() const { return static_cast<int64_t>(groups_.size()); }
  int64_t largest_group() const {
    return config_.num_attention_heads / config_.num_key_value_heads;
  }

  const Config& config_;
  int64_t num_query_heads_;  // of this rank
  std::vector<HeadGroup> groups_;
  const LayerPlan& plan_;
  const AttentionWeights& weights_;
  int64_t layer_of_kind_;
  ThreadPool& pool_;
};

}  // namespace trinity

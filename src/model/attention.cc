#include "model/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "model/projection.h"

namespace trinity {
namespace {

constexpr float kNothingSeen = -std::numeric_limits<float>::infinity();

}  // namespace

Attention::Attention(const Config& config, const RankSlice& slice, const LayerPlan& plan,
                     const AttentionWeights& weights, int64_t layer_of_kind, ThreadPool& pool)
    : config_(config),
      num_query_heads_(slice.query_heads.size()),
      groups_(HeadGroupsOf(config, slice)),
      plan_(plan),
      weights_(weights),
      layer_of_kind_(layer_of_kind),
      pool_(pool) {}

void Attention::Forward(const Step& step, Activations& a) const {
  const Matrix* input = &a.attention_input;
  const std::array projections = {
      Projection{&weights_.q_proj, input, &a.query}, Projection{&weights_.k_proj, input, &a.key},
      Projection{&weights_.v_proj, input, &a.value},
      Projection{weights_.gate_proj ? &*weights_.gate_proj : nullptr, input, &a.attention_gate}};
  Project(std::span(projections).first(weights_.gate_proj ? 4 : 3), pool_);
  ForEachRow(pool_, step.num_rows(), [&](int64_t row) {
    NormAndRotate(row, a);
    Store(row, step, a);
  });
  Attend(step, a);
  if (weights_.gate_proj) {
    ForEachRow(pool_, step.num_rows(), [&](int64_t row) {
      SigmoidMultiply(a.attended.Row(row), a.attention_gate.Row(row), a.attended.cols(),
                      a.attended.Row(row));
    });
  }
  Project(std::array{Projection{&weights_.o_proj, &a.attended, &a.attention_output}}, pool_);
}

void Attention::NormAndRotate(int64_t row, Activations& a) const {
  const auto prepare = [&](float* head, const Norm& norm) {
    norm.Apply(head, head);
    if (plan_.uses_rope) {
      RotateHalves(head, a.rope_cos.Row(row), a.rope_sin.Row(row), config_.head_dim / 2);
    }
  };
  for (int64_t head = 0; head < num_query_heads_; ++head) {
    prepare(a.query.Row(row) + head * config_.head_dim, weights_.q_norm);
  }
  for (int64_t head = 0; head < num_kv_heads(); ++head) {
    prepare(a.key.Row(row) + head * config_.head_dim, weights_.k_norm);
  }
}

void Attention::Store(int64_t row, const Step& step, const Activations& a) const {
  const StepSequence& sequence = step.SequenceOf(row);
  const int64_t position = sequence.PositionOf(row);
  for (int64_t head = 0; head < num_kv_heads(); ++head) {
    std::byte* page = sequence.cache->PageAt(plan_.attention, layer_of_kind_, head, position);
    StoreKeyValue(a.key.Row(row) + head * config_.head_dim,
                  a.value.Row(row) + head * config_.head_dim, config_.head_dim,
                  sequence.cache->dtype(), position % kKvPageTokens, page);
  }
}

int64_t Attention::FirstVisible(int64_t position) const {
  return plan_.window ? std::max<int64_t>(0, position - *plan_.window + 1) : 0;
}

Attention::BlockRange Attention::BlocksOf(const Tile& tile) const {
  const int64_t first_position = tile.sequence->PositionOf(tile.first_row);
  const int64_t last_position = first_position + tile.num_rows - 1;
  return {FirstVisible(first_position) / kAttentionBlockTokens,
          last_position / kAttentionBlockTokens + 1};
}

int64_t Attention::TileRows() const {
  return std::max<int64_t>(1, kAttentionTileQueries / largest_group());
}

std::span<const Attention::Tile> Attention::TilesOf(const Step& step) const {
  static thread_local std::vector<Tile> tiles;
  tiles.clear();
  for (const StepSequence& sequence : step.sequences()) {
    const int64_t end = sequence.first_row + sequence.num_rows;
    for (int64_t row = sequence.first_row; row < end; row += TileRows()) {
      for (const HeadGroup& heads : groups_) {
        tiles.push_back({&sequence, heads, row, std::min(TileRows(), end - row)});
      }
    }
  }
  return tiles;
}

// A tile is one work item where there are enough of them; a few long sequences are cut into blocks
// instead, so that all threads work on them. Both merge the same partials in the same order.
void Attention::Attend(const Step& step, Activations& a) const {
  constexpr int64_t kItemsPerThread = 4;
  a.attended.Resize(step.num_rows(), num_query_heads_ * config_.head_dim);
  const std::span<const Tile> tiles = TilesOf(step);
  int64_t most_blocks = 0;
  for (const Tile& tile : tiles) {
    const BlockRange blocks = BlocksOf(tile);
    most_blocks = std::max(most_blocks, blocks.end - blocks.first);
  }
  const auto num_tiles = static_cast<int64_t>(tiles.size());
  if (pool_.num_threads() == 1 || num_tiles >= pool_.num_threads() * kItemsPerThread ||
      most_blocks <= 1) {
    pool_.ParallelFor(num_tiles, [&](int64_t item, int) {
      AttendWholeTile(tiles[static_cast<size_t>(item)], a);
    });
  } else {
    AttendInBlocks(tiles, most_blocks, a);
  }
}

void Attention::AttendTileBlock(const Tile& tile, int64_t block, const Activations& a,
                                std::span<AttentionPartial> partials) const {
  static thread_local std::vector<BlockQuery> queries;
  queries.clear();
  const int64_t block_begin = block * kAttentionBlockTokens;
  for (int64_t i = 0; i < tile.num_rows; ++i) {
    const int64_t row = tile.first_row + i;
    const int64_t position = tile.sequence->PositionOf(row);
    const int64_t first = std::max<int64_t>(0, FirstVisible(position) - block_begin);
    const int64_t end = std::min(kAttentionBlockTokens, position + 1 - block_begin);
    for (int64_t j = 0; j < tile.heads.num_query_heads; ++j) {
      AttentionPartial& partial = partials[static_cast<size_t>(i * tile.heads.num_query_heads + j)];
      partial.max = kNothingSeen;
      if (first >= end) continue;
      const int64_t head = tile.heads.first_query_head + j;
      queries.push_back({a.query.Row(row) + head * config_.head_dim, first, end, &partial});
    }
  }
  const float scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim));
  const KvCache& cache = *tile.sequence->cache;
  const KvBlock kv = {cache.BlockAt(plan_.attention, layer_of_kind_, tile.heads.kv_head, block),
                      config_.head_dim, cache.dtype()};
  AttendBlock(queries, kv, scale, weights_.precision);
}

void Attention::AttendWholeTile(const Tile& tile, Activations& a) const {
  const int64_t num_queries = tile.num_rows * tile.heads.num_query_heads;
  static thread_local Matrix block_values, total_values;
  block_values.Resize(num_queries, config_.head_dim);
  total_values.Resize(num_queries, config_.head_dim);
  static thread_local std::vector<AttentionPartial> partials, totals;
  partials.clear();
  totals.clear();
  for (int64_t i = 0; i < num_queries; ++i) {
    partials.push_back({kNothingSeen, 0, block_values.Row(i)});
    totals.push_back({kNothingSeen, 0, total_values.Row(i)});
  }
  const BlockRange blocks = BlocksOf(tile);
  for (int64_t block = blocks.first; block < blocks.end; ++block) {
    AttendTileBlock(tile, block, a, partials);
    MergePartials(partials, config_.head_dim, totals);
  }
  for (int64_t i = 0; i < num_queries; ++i) {
    FinishAttention(totals[static_cast<size_t>(i)], config_.head_dim, OutputOf(tile, i, a));
  }
}

void Attention::AttendInBlocks(std::span<const Tile> tiles, int64_t most_blocks,
                               Activations& a) const {
  const auto num_tiles = static_cast<int64_t>(tiles.size());
  const int64_t tile_queries = TileRows() * largest_group();
  const int64_t num_partials = num_tiles * most_blocks * tile_queries;
  a.partial_values.Resize(num_partials, config_.head_dim);
  a.partials.resize(static_cast<size_t>(num_partials));
  const auto partials_of = [&](int64_t tile, int64_t block) {
    const int64_t first = (tile * most_blocks + block) * tile_queries;
    return std::span(a.partials)
        .subspan(static_cast<size_t>(first), static_cast<size_t>(tile_queries));
  };
  pool_.ParallelFor(num_tiles * most_blocks, [&](int64_t item, int) {
    const Tile& tile = tiles[static_cast<size_t>(item / most_blocks)];
    const BlockRange blocks = BlocksOf(tile);
    const std::span<AttentionPartial> partials =
        partials_of(item / most_blocks, item % most_blocks);
    for (int64_t i = 0; i < tile_queries; ++i) {
      partials[static_cast<size_t>(i)] = {kNothingSeen, 0,
                                          a.partial_values.Row(item * tile_queries + i)};
    }
    const int64_t block = blocks.first + item % most_blocks;
    if (block < blocks.end) AttendTileBlock(tile, block, a, partials);
  });
  pool_.ParallelFor(num_tiles, [&](int64_t item, int) {
    const Tile& tile = tiles[static_cast<size_t>(item)];
    static thread_local std::vector<float> values;
    values.resize(static_cast<size_t>(config_.head_dim));
    for (int64_t i = 0; i < tile.num_rows * tile.heads.num_query_heads; ++i) {
      AttentionPartial total{kNothingSeen, 0, values.data()};
      for (int64_t block = 0; block < most_blocks; ++block) {
        MergePartials(partials_of(item, block).subspan(static_cast<size_t>(i), 1), config_.head_dim,
                      {&total, 1});
      }
      FinishAttention(total, config_.head_dim, OutputOf(tile, i, a));
    }
  });
}

float* Attention::OutputOf(const Tile& tile, int64_t query, Activations& a) const {
  const int64_t num_heads = tile.heads.num_query_heads;
  const int64_t head = tile.heads.first_query_head + query % num_heads;
  return a.attended.Row(tile.first_row + query / num_heads) + head * config_.head_dim;
}

}  // namespace trinity

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "kernels/attend.h"
#include "model/config.h"
#include "model/kv_page_pool.h"

namespace trinity {

// The page pools of the two kinds of layers, which all sequences of a model share.
class KvPools {
 public:
  // Throws Error where `dtype` cannot hold the config's head_dim.
  KvPools(const Config& config, DType dtype, FreedPages freed = FreedPages::kLeave);

  KvPagePool& Of(AttentionKind kind) { return kind == AttentionKind::kSliding ? sliding_ : full_; }
  DType dtype() const { return full_.dtype(); }
  int64_t window() const { return window_; }  // of the sliding layers; 0 where none slides
  int64_t bytes_in_use() const;

 private:
  int64_t window_;
  KvPagePool sliding_;
  KvPagePool full_;
};

// The keys and values of one sequence. Full layers keep every position; sliding layers give a page
// back once all its positions have left the window of every position to come, so that between steps
// they hold at most the window and one page, and within a step the step's own rows besides.
class KvCache {
 public:
  explicit KvCache(KvPools& pools);
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache();

  // Positions that are held and complete; the next token stands at this position.
  int64_t length() const { return length_; }

  // Takes the pages for positions [length(), length() + num_tokens).
  void Reserve(int64_t num_tokens);
  // The reserved positions are written in all layers: they count from now on, and what no later
  // position sees is given back.
  void Commit(int64_t num_tokens);
  // Gives everything back.
  void Clear();

  // Becomes the same as `other`, of the same pools, and shares its pages: what one of them writes
  // later, the other does not see.
  void ShareFrom(const KvCache& other);
  // Whether the positions that the one at `length` (at most length()) sees are all still held.
  bool CanTruncateTo(int64_t length) const;
  // Forgets the positions from `length` on.
  void TruncateTo(int64_t length);

  // The page of a layer (counted among its kind) and kv head that holds `position`, to be written.
  std::byte* PageAt(AttentionKind kind, int64_t layer_of_kind, int64_t kv_head,
                    int64_t position) const;
  // The pages of block `block` (positions from block * kAttentionBlockTokens); nullptr where no
  // page is held.
  std::array<const std::byte*, kAttentionBlockPages> BlockAt(AttentionKind kind,
                                                             int64_t layer_of_kind, int64_t kv_head,
                                                             int64_t block) const;

  int64_t num_pages(AttentionKind kind) const;
  DType dtype() const { return pools_.dtype(); }

 private:
  // Pages by position / kKvPageTokens; those before first are given back.
  struct PageTable {
    std::vector<KvPage*> pages;
    int64_t first = 0;
  };

  const PageTable& TableOf(AttentionKind kind) const {
    return kind == AttentionKind::kSliding ? sliding_ : full_;
  }
  void ReleaseBefore(int64_t page_index);
  // The page that the next position stands in gets an owner of its own.
  void UnshareLastPage(AttentionKind kind);

  KvPools& pools_;
  PageTable sliding_;
  PageTable full_;
  int64_t length_ = 0;
};

}  // namespace trinity

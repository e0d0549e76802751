#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kernels/attend.h"
#include "model/config.h"
#include "model/kv_journal.h"
#include "model/kv_page_pool.h"

namespace trinity {

// What keys and values of a model take on this rank.
struct KvShape {
  // A whole model, without being asked: what has one rank need not know of shapes.
  KvShape(const Config& model)  // NOLINT(google-explicit-constructor)
      : config(model), num_kv_heads(model.num_key_value_heads) {}
  KvShape(const Config& model, int64_t kv_heads, KvJournal* to)
      : config(model), num_kv_heads(kv_heads), journal(to) {}

  const Config& config;
  int64_t num_kv_heads;
  KvJournal* journal = nullptr;  // told of everything that other ranks have to do too
};

// The page pools of the two kinds of layers, which all sequences of a model share.
class KvPools {
 public:
  // Throws Error where `dtype` cannot hold the config's head_dim.
  KvPools(const KvShape& shape, DType dtype, FreedPages freed = FreedPages::kLeave);
  KvPools(const KvPools&) = delete;
  KvPools& operator=(const KvPools&) = delete;
  ~KvPools();

  KvPagePool& Of(AttentionKind kind) { return kind == AttentionKind::kSliding ? sliding_ : full_; }
  const KvPagePool& Of(AttentionKind kind) const {
    return kind == AttentionKind::kSliding ? sliding_ : full_;
  }
  DType dtype() const { return full_.dtype(); }
  int64_t window() const { return window_; }  // of the sliding layers; 0 where none slides
  int64_t bytes_in_use() const;
  KvJournal* journal() const { return journal_; }
  int64_t journal_id() const { return journal_id_; }

 private:
  KvJournal* journal_;
  int64_t journal_id_ = 0;
  int64_t window_;
  KvPagePool sliding_;
  KvPagePool full_;
};

// The keys and values of one sequence. Full layers keep every position; sliding layers give a page
// back once all its positions have left the window of every position to come, and of the last one
// that was computed, which can so be taken back: between steps they hold at most the window and one
// page, and within a step the step's own rows besides.
class KvCache {
 public:
  explicit KvCache(KvPools& pools);
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;
  ~KvCache();

  // Positions that are held and complete; the next token stands at this position.
  int64_t length() const { return length_; }

  // What Reserve would take now.
  int64_t BytesToReserve(int64_t num_tokens) const;
  // Takes the pages for positions [length(), length() + num_tokens).
  void Reserve(int64_t num_tokens);
  // The reserved positions are written in all layers: they count from now on, and what no later
  // position sees is given back.
  void Commit(int64_t num_tokens);
  // Until ReleaseUnseen, Commit leaves what CanTruncateTo(length) needs, for a `length` from
  // length() on.
  void HoldWindowAt(int64_t length);
  void ReleaseUnseen();
  // Both at once, for positions whose content does not matter to the result: `fill` may give them
  // some in between.
  void Extend(int64_t num_tokens, const std::function<void()>& fill = nullptr);
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

  // The pages of a kind that are held: pages[i] has the positions from
  // (first + i) * kKvPageTokens on.
  struct HeldPages {
    int64_t first = 0;
    std::span<KvPage* const> pages;
  };
  HeldPages PagesOf(AttentionKind kind) const;
  // Becomes a state of `length` tokens that holds these pages, of its pools, and shares them. They
  // have what PagesOf gave of such a state. Other ranks are not told: each adopts its own.
  void Adopt(int64_t length, const HeldPages& sliding, const HeldPages& full);

  int64_t num_pages(AttentionKind kind) const;
  // Whether a page of it would become free with it.
  bool OwnsPagesAlone() const;
  // Calls `visit` with each page that is held.
  void VisitPages(const std::function<void(AttentionKind, const KvPage&)>& visit) const;
  int64_t journal_id() const { return journal_id_; }
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
  void GiveBack();
  void Tell(KvCommandKind kind, int64_t argument = 0) const;
  void ReleaseBefore(int64_t page_index);
  // The first page that must be held at `length` tokens, so that one can be taken back.
  int64_t FirstSeenPage(int64_t length) const;
  // Whether the page that the next position stands in is there and somebody else's too.
  bool SharesLastPage(AttentionKind kind) const;
  // The page that the next position stands in gets an owner of its own.
  void UnshareLastPage(AttentionKind kind);

  KvPools& pools_;
  int64_t journal_id_ = 0;
  PageTable sliding_;
  PageTable full_;
  int64_t length_ = 0;
  std::optional<int64_t> held_length_;
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/dtype.h"
#include "base/memory_block.h"
#include "model/config.h"

namespace trinity {

// What becomes of a page's content when it is given back.
enum class FreedPages {
  kLeave,
  kFillWithNan,  // for tests: whoever reads a page that is not his gets NaN
};

// Keys and values of kKvPageTokens consecutive positions, in all layers of one kind.
struct KvPage {
  std::byte* data;  // [layers of the kind, kv heads] pages as kernels/attend.h has them
  int num_owners = 0;
};

// The pages of one kind of layers, for all sequences. Pages are counted by owner, so that sequences
// can share a prefix. Not thread-safe: pages are taken and given back between steps.
class KvPagePool {
 public:
  // `num_kv_heads`: of each layer, as many as this rank holds.
  KvPagePool(const Config& config, int64_t num_kv_heads, AttentionKind kind, DType dtype,
             FreedPages freed);

  // A page with one owner. Its content is undefined.
  KvPage* Take();
  // A page with one owner and the content of `page`.
  KvPage* TakeCopy(const KvPage& page);
  void Share(KvPage* page) { ++page->num_owners; }
  // Gives up one ownership; without owners the page can be taken again.
  void Release(KvPage* page);

  DType dtype() const { return dtype_; }
  int64_t page_bytes() const { return num_layers_ * layer_stride_bytes_; }
  int64_t num_pages_in_use() const { return num_pages_in_use_; }
  int64_t num_pages_allocated() const { return static_cast<int64_t>(pages_.size()); }

  // The part of a page that belongs to one layer (counted among those of the kind) and kv head.
  std::byte* At(const KvPage& page, int64_t layer_of_kind, int64_t kv_head) const;

 private:
  void AddSlab();
  void FillWithNan(KvPage& page) const;

  DType dtype_;
  FreedPages freed_;
  int64_t num_layers_;
  int64_t head_stride_bytes_;
  int64_t layer_stride_bytes_;
  int64_t num_pages_in_use_ = 0;
  std::vector<MemoryBlock> slabs_;  // of several pages each, so that the system's pages are huge
  std::vector<std::unique_ptr<KvPage>> pages_;
  std::vector<KvPage*> free_;
};

}  // namespace trinity

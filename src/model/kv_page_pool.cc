#include "model/kv_page_pool.h"

#include <cstring>

#include "base/check.h"
#include "kernels/attend.h"

namespace trinity {

KvPagePool::KvPagePool(const Config& config, AttentionKind kind, DType dtype, FreedPages freed)
    : dtype_(dtype),
      freed_(freed),
      num_layers_(config.num_layers_of(kind)),
      head_stride_bytes_(KvPageBytes(dtype, config.head_dim)),
      layer_stride_bytes_(config.num_key_value_heads * head_stride_bytes_) {}

KvPage* KvPagePool::Take() {
  if (free_.empty()) {
    pages_.push_back(std::make_unique<KvPage>());
    pages_.back()->memory = MemoryBlock(page_bytes());
    free_.push_back(pages_.back().get());
    if (freed_ == FreedPages::kFillWithNan) FillWithNan(*pages_.back());
  }
  KvPage* page = free_.back();
  free_.pop_back();
  page->num_owners = 1;
  ++num_pages_in_use_;
  return page;
}

void KvPagePool::Release(KvPage* page) {
  TRINITY_CHECK(page->num_owners > 0);
  if (--page->num_owners > 0) return;
  if (freed_ == FreedPages::kFillWithNan) FillWithNan(*page);
  free_.push_back(page);
  --num_pages_in_use_;
}

void KvPagePool::FillWithNan(KvPage& page) const {
  // All bits set is a NaN in float32, float16 and bfloat16 alike.
  std::memset(page.memory.data(), 0xFF, static_cast<size_t>(page_bytes()));
}

std::byte* KvPagePool::At(const KvPage& page, int64_t layer_of_kind, int64_t kv_head) const {
  return page.memory.data() + layer_of_kind * layer_stride_bytes_ + kv_head * head_stride_bytes_;
}

}  // namespace trinity

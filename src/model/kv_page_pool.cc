#include "model/kv_page_pool.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/attend.h"

namespace trinity {

KvPagePool::KvPagePool(const Config& config, int64_t num_kv_heads, AttentionKind kind, DType dtype,
                       FreedPages freed)
    : dtype_(dtype),
      freed_(freed),
      num_layers_(config.num_layers_of(kind)),
      head_stride_bytes_(KvPageBytes(dtype, config.head_dim)),
      layer_stride_bytes_(num_kv_heads * head_stride_bytes_) {}

KvPage* KvPagePool::Take() {
  if (free_.empty()) AddSlab();
  KvPage* page = free_.back();
  free_.pop_back();
  if (freed_ == FreedPages::kFillWithNan) FillWithNan(*page);
  page->num_owners = 1;
  ++num_pages_in_use_;
  return page;
}

void KvPagePool::AddSlab() {
  // What no position has come to yet takes no memory: the system gives pages when they are touched.
  constexpr int64_t kSlabBytes = 32 << 20;
  constexpr int64_t kMostPages = 256;
  const int64_t num_pages =
      std::clamp<int64_t>(kSlabBytes / std::max<int64_t>(1, page_bytes()), 1, kMostPages);
  slabs_.emplace_back(num_pages * page_bytes());
  for (int64_t i = num_pages - 1; i >= 0; --i) {
    pages_.push_back(std::make_unique<KvPage>());
    pages_.back()->data = slabs_.back().data() + i * page_bytes();
    free_.push_back(pages_.back().get());
  }
}

KvPage* KvPagePool::TakeCopy(const KvPage& page) {
  KvPage* copy = Take();
  std::copy_n(page.data, page_bytes(), copy->data);
  return copy;
}

void KvPagePool::Release(KvPage* page) {
  TRINITY_CHECK(page->num_owners > 0);
  if (--page->num_owners > 0) return;
  if (freed_ == FreedPages::kFillWithNan) FillWithNan(*page);
  free_.push_back(page);
  --num_pages_in_use_;
}

void KvPagePool::FillWithNan(KvPage& page) const {
  // All bits set is a NaN in float32, float16 and bfloat16 alike, and in the scales of Q8_0.
  std::fill_n(page.data, page_bytes(), std::byte{0xFF});
}

std::byte* KvPagePool::At(const KvPage& page, int64_t layer_of_kind, int64_t kv_head) const {
  return page.data + layer_of_kind * layer_stride_bytes_ + kv_head * head_stride_bytes_;
}

}  // namespace trinity

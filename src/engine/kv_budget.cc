#include "engine/kv_budget.h"

#include <algorithm>

#include "base/error.h"

namespace trinity {

KvBudget::KvBudget(KvPools& pools, int64_t bytes)
    : pools_(pools),
      bytes_(bytes),
      sliding_page_bytes_(pools.Of(AttentionKind::kSliding).page_bytes()),
      full_page_bytes_(pools.Of(AttentionKind::kFull).page_bytes()) {
  if (bytes < BytesOfSequence(kKvPageTokens)) {
    Fail("KV budget: expected at least {} bytes, what {} tokens take, found {}",
         BytesOfSequence(kKvPageTokens), kKvPageTokens, bytes);
  }
}

int64_t KvBudget::SlidingPages(int64_t length) const {
  // The window may begin and end within a page.
  return std::min(KvPagesFor(length), KvPagesFor(pools_.window()) + 2);
}

int64_t KvBudget::BytesOfSequence(int64_t length) const {
  return KvPagesFor(length) * full_page_bytes_ + SlidingPages(length) * sliding_page_bytes_;
}

int64_t KvBudget::BytesToGrow(const KvCache& cache, int64_t length) const {
  const int64_t full = KvPagesFor(length) - cache.num_pages(AttentionKind::kFull);
  const int64_t sliding = SlidingPages(length) - cache.num_pages(AttentionKind::kSliding);
  return std::max<int64_t>(0, full) * full_page_bytes_ +
         std::max<int64_t>(0, sliding) * sliding_page_bytes_;
}

int64_t KvBudget::LongestSequence(int64_t limit) const {
  int64_t fits = 1;
  int64_t fails = limit + 1;
  while (fits + 1 < fails) {
    const int64_t middle = fits + (fails - fits) / 2;
    (BytesOfSequence(middle) <= bytes_ ? fits : fails) = middle;
  }
  return fits;
}

}  // namespace trinity

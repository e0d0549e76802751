#include "model/kv_cache.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace trinity {
namespace {

int64_t PagesFor(int64_t num_tokens) { return (num_tokens + kKvPageTokens - 1) / kKvPageTokens; }

DType Checked(DType dtype, int64_t head_dim) {
  if (!IsKvDType(dtype, head_dim)) {
    Fail("keys and values in {}: head_dim: expected a multiple of {}, found {}", NameOf(dtype),
         InfoOf(dtype).block_values, head_dim);
  }
  return dtype;
}

}  // namespace

KvPools::KvPools(const Config& config, DType dtype, FreedPages freed)
    : window_(config.num_layers_of(AttentionKind::kSliding) > 0 ? *config.sliding_window : 0),
      sliding_(config, AttentionKind::kSliding, Checked(dtype, config.head_dim), freed),
      full_(config, AttentionKind::kFull, dtype, freed) {}

int64_t KvPools::bytes_in_use() const {
  return sliding_.num_pages_in_use() * sliding_.page_bytes() +
         full_.num_pages_in_use() * full_.page_bytes();
}

KvCache::KvCache(KvPools& pools) : pools_(pools) {}

KvCache::~KvCache() { Clear(); }

void KvCache::Clear() {
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    for (size_t i = static_cast<size_t>(table.first); i < table.pages.size(); ++i) {
      pools_.Of(kind).Release(table.pages[i]);
    }
    table = {};
  }
  length_ = 0;
}

void KvCache::Reserve(int64_t num_tokens) {
  const auto num_pages = static_cast<size_t>(PagesFor(length_ + num_tokens));
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    UnshareLastPage(kind);
    while (table.pages.size() < num_pages) table.pages.push_back(pools_.Of(kind).Take());
  }
}

void KvCache::UnshareLastPage(AttentionKind kind) {
  PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
  const bool is_begun = length_ % kKvPageTokens != 0;
  const auto page_index = static_cast<size_t>(length_ / kKvPageTokens);
  if (!is_begun || page_index >= table.pages.size()) return;
  KvPage*& page = table.pages[page_index];
  if (page == nullptr || page->num_owners == 1) return;
  KvPage* own = pools_.Of(kind).TakeCopy(*page);
  pools_.Of(kind).Release(page);
  page = own;
}

void KvCache::ShareFrom(const KvCache& other) {
  TRINITY_CHECK(&pools_ == &other.pools_ && this != &other);
  Clear();
  sliding_ = other.sliding_;
  full_ = other.full_;
  length_ = other.length_;
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    for (KvPage* page : TableOf(kind).pages) {
      if (page != nullptr) pools_.Of(kind).Share(page);
    }
  }
}

bool KvCache::CanTruncateTo(int64_t length) const {
  if (length > length_) return false;
  const bool slides = pools_.window() > 0;
  return !slides ||
         std::max<int64_t>(0, length - pools_.window() + 1) / kKvPageTokens >= sliding_.first;
}

void KvCache::TruncateTo(int64_t length) {
  TRINITY_CHECK(CanTruncateTo(length));
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    while (static_cast<int64_t>(table.pages.size()) > PagesFor(length)) {
      if (table.pages.back() != nullptr) pools_.Of(kind).Release(table.pages.back());
      table.pages.pop_back();
    }
    table.first = std::min(table.first, static_cast<int64_t>(table.pages.size()));
  }
  length_ = length;
}

void KvCache::Commit(int64_t num_tokens) {
  length_ += num_tokens;
  TRINITY_CHECK(PagesFor(length_) <= static_cast<int64_t>(full_.pages.size()));
  // The next position sees the window - 1 positions before it.
  ReleaseBefore(std::max<int64_t>(0, length_ - pools_.window() + 1) / kKvPageTokens);
}

void KvCache::ReleaseBefore(int64_t page_index) {
  for (; sliding_.first < page_index; ++sliding_.first) {
    KvPage*& page = sliding_.pages[static_cast<size_t>(sliding_.first)];
    pools_.Of(AttentionKind::kSliding).Release(page);
    page = nullptr;
  }
}

std::byte* KvCache::PageAt(AttentionKind kind, int64_t layer_of_kind, int64_t kv_head,
                           int64_t position) const {
  const KvPage* page = TableOf(kind).pages[static_cast<size_t>(position / kKvPageTokens)];
  return pools_.Of(kind).At(*page, layer_of_kind, kv_head);
}

std::array<const std::byte*, kAttentionBlockPages> KvCache::BlockAt(AttentionKind kind,
                                                                    int64_t layer_of_kind,
                                                                    int64_t kv_head,
                                                                    int64_t block) const {
  const std::vector<KvPage*>& pages = TableOf(kind).pages;
  std::array<const std::byte*, kAttentionBlockPages> found{};
  for (size_t i = 0; i < found.size(); ++i) {
    const size_t page = static_cast<size_t>(block * kAttentionBlockPages) + i;
    if (page < pages.size() && pages[page] != nullptr) {
      found[i] = pools_.Of(kind).At(*pages[page], layer_of_kind, kv_head);
    }
  }
  return found;
}

int64_t KvCache::num_pages(AttentionKind kind) const {
  const PageTable& table = TableOf(kind);
  return static_cast<int64_t>(table.pages.size()) - table.first;
}

}  // namespace trinity

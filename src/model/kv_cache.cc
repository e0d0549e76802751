#include "model/kv_cache.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace trinity {
namespace {

DType Checked(DType dtype, int64_t head_dim) {
  if (!IsKvDType(dtype, head_dim)) {
    Fail("keys and values in {}: head_dim: expected a multiple of {}, found {}", NameOf(dtype),
         InfoOf(dtype).block_values, head_dim);
  }
  return dtype;
}

}  // namespace

KvPools::KvPools(const KvShape& shape, DType dtype, FreedPages freed)
    : journal_(shape.journal),
      window_(shape.config.num_layers_of(AttentionKind::kSliding) > 0 ? *shape.config.sliding_window
                                                                      : 0),
      sliding_(shape.config, shape.num_kv_heads, AttentionKind::kSliding,
               Checked(dtype, shape.config.head_dim), freed),
      full_(shape.config, shape.num_kv_heads, AttentionKind::kFull, dtype, freed) {
  if (journal_ == nullptr) return;
  journal_id_ = journal_->NewId();
  journal_->Record({KvCommandKind::kMakePools, journal_id_, static_cast<int64_t>(dtype)});
}

KvPools::~KvPools() {
  if (journal_ != nullptr) journal_->Record({KvCommandKind::kDropPools, journal_id_, 0});
}

int64_t KvPools::bytes_in_use() const {
  return sliding_.num_pages_in_use() * sliding_.page_bytes() +
         full_.num_pages_in_use() * full_.page_bytes();
}

KvCache::KvCache(KvPools& pools) : pools_(pools) {
  if (pools.journal() == nullptr) return;
  journal_id_ = pools.journal()->NewId();
  Tell(KvCommandKind::kMakeCache, pools.journal_id());
}

KvCache::~KvCache() {
  GiveBack();
  Tell(KvCommandKind::kDropCache);
}

void KvCache::Tell(KvCommandKind kind, int64_t argument) const {
  if (pools_.journal() != nullptr) pools_.journal()->Record({kind, journal_id_, argument});
}

void KvCache::Clear() {
  GiveBack();
  Tell(KvCommandKind::kClear);
}

void KvCache::HoldWindowAt(int64_t length) {
  held_length_ = length;
  Tell(KvCommandKind::kHoldWindow, length);
}

void KvCache::Extend(int64_t num_tokens, const std::function<void()>& fill) {
  Reserve(num_tokens);
  if (fill) fill();
  Commit(num_tokens);
  Tell(KvCommandKind::kExtend, num_tokens);
}

void KvCache::GiveBack() {
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    for (size_t i = static_cast<size_t>(table.first); i < table.pages.size(); ++i) {
      pools_.Of(kind).Release(table.pages[i]);
    }
    table = {};
  }
  length_ = 0;
  held_length_.reset();
}

void KvCache::Reserve(int64_t num_tokens) {
  const auto num_pages = static_cast<size_t>(KvPagesFor(length_ + num_tokens));
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    UnshareLastPage(kind);
    while (table.pages.size() < num_pages) table.pages.push_back(pools_.Of(kind).Take());
  }
}

int64_t KvCache::BytesToReserve(int64_t num_tokens) const {
  int64_t bytes = 0;
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    const int64_t num_held = static_cast<int64_t>(TableOf(kind).pages.size());
    const int64_t num_new = std::max<int64_t>(0, KvPagesFor(length_ + num_tokens) - num_held);
    bytes += (num_new + (SharesLastPage(kind) ? 1 : 0)) * pools_.Of(kind).page_bytes();
  }
  return bytes;
}

bool KvCache::SharesLastPage(AttentionKind kind) const {
  const PageTable& table = TableOf(kind);
  const bool is_begun = length_ % kKvPageTokens != 0;
  const auto page_index = static_cast<size_t>(length_ / kKvPageTokens);
  if (!is_begun || page_index >= table.pages.size()) return false;
  const KvPage* page = table.pages[page_index];
  return page != nullptr && page->num_owners > 1;
}

void KvCache::UnshareLastPage(AttentionKind kind) {
  if (!SharesLastPage(kind)) return;
  PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
  KvPage*& page = table.pages[static_cast<size_t>(length_ / kKvPageTokens)];
  KvPage* own = pools_.Of(kind).TakeCopy(*page);
  pools_.Of(kind).Release(page);
  page = own;
}

void KvCache::ShareFrom(const KvCache& other) {
  TRINITY_CHECK(&pools_ == &other.pools_ && this != &other);
  GiveBack();
  Tell(KvCommandKind::kShare, other.journal_id_);
  sliding_ = other.sliding_;
  full_ = other.full_;
  length_ = other.length_;
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    for (KvPage* page : TableOf(kind).pages) {
      if (page != nullptr) pools_.Of(kind).Share(page);
    }
  }
}

KvCache::HeldPages KvCache::PagesOf(AttentionKind kind) const {
  const PageTable& table = TableOf(kind);
  return {table.first, std::span(table.pages).subspan(static_cast<size_t>(table.first))};
}

void KvCache::Adopt(int64_t length, const HeldPages& sliding, const HeldPages& full) {
  TRINITY_CHECK(full.first == 0);
  GiveBack();
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    const HeldPages& held = kind == AttentionKind::kSliding ? sliding : full;
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    table.first = held.first;
    table.pages.assign(static_cast<size_t>(held.first), nullptr);
    table.pages.insert(table.pages.end(), held.pages.begin(), held.pages.end());
    TRINITY_CHECK(static_cast<int64_t>(table.pages.size()) == KvPagesFor(length));
    for (KvPage* page : held.pages) pools_.Of(kind).Share(page);
  }
  length_ = length;
}

bool KvCache::CanTruncateTo(int64_t length) const {
  if (length > length_) return false;
  const bool slides = pools_.window() > 0;
  return !slides ||
         std::max<int64_t>(0, length - pools_.window() + 1) / kKvPageTokens >= sliding_.first;
}

void KvCache::TruncateTo(int64_t length) {
  TRINITY_CHECK(CanTruncateTo(length));
  Tell(KvCommandKind::kTruncate, length);
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    PageTable& table = kind == AttentionKind::kSliding ? sliding_ : full_;
    while (static_cast<int64_t>(table.pages.size()) > KvPagesFor(length)) {
      if (table.pages.back() != nullptr) pools_.Of(kind).Release(table.pages.back());
      table.pages.pop_back();
    }
    table.first = std::min(table.first, static_cast<int64_t>(table.pages.size()));
  }
  length_ = length;
}

void KvCache::Commit(int64_t num_tokens) {
  length_ += num_tokens;
  TRINITY_CHECK(KvPagesFor(length_) <= static_cast<int64_t>(full_.pages.size()));
  ReleaseBefore(FirstSeenPage(std::min(length_, held_length_.value_or(length_))));
}

int64_t KvCache::FirstSeenPage(int64_t length) const {
  // The position before the next one sees itself and window - 1 positions before it.
  return std::max<int64_t>(0, length - pools_.window()) / kKvPageTokens;
}

void KvCache::ReleaseUnseen() {
  held_length_.reset();
  ReleaseBefore(FirstSeenPage(length_));
  Tell(KvCommandKind::kReleaseUnseen);
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

void KvCache::VisitPages(const std::function<void(AttentionKind, const KvPage&)>& visit) const {
  for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
    for (const KvPage* page : TableOf(kind).pages) {
      if (page != nullptr) visit(kind, *page);
    }
  }
}

bool KvCache::OwnsPagesAlone() const {
  const auto is_alone = [](const KvPage* page) { return page != nullptr && page->num_owners == 1; };
  // From the end: beginnings are what is shared.
  return std::any_of(full_.pages.rbegin(), full_.pages.rend(), is_alone) ||
         std::any_of(sliding_.pages.rbegin(), sliding_.pages.rend(), is_alone);
}

}  // namespace trinity

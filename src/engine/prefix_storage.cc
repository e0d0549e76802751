#include "engine/prefix_storage.h"

#include <array>
#include <filesystem>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "engine/prefix_file.h"
#include "engine/rank_prefixes.h"

namespace trinity {
namespace {

constexpr std::array kKinds = {AttentionKind::kSliding, AttentionKind::kFull};

PrefixFileShape ShapeOf(const PrefixStorage& storage, int64_t vocab_size, const KvPools& pools) {
  return {storage.identity,
          vocab_size,
          pools.window(),
          {pools.Of(AttentionKind::kSliding).page_bytes(),
           pools.Of(AttentionKind::kFull).page_bytes()}};
}

// The pages of one kind that a file has, in their order.
struct PageList {
  std::map<const KvPage*, uint32_t> places;
  std::vector<const KvPage*> pages;
};

// What goes into a file, as far as it fits.
class Selection {
 public:
  Selection(const PrefixFileShape& shape, int64_t max_bytes)
      : shape_(shape),
        free_bytes_(max_bytes - PrefixFile::kHeaderBytes - int64_t{sizeof(uint64_t)}) {}

  // False: it does not fit any more.
  bool Add(const PrefixCache::Kept& kept) {
    int64_t bytes = 4 * int64_t{sizeof(uint64_t)} + BytesOf<int32_t>(kept.ids.size());
    for (size_t kind = 0; kind < kKinds.size(); ++kind) {
      const KvCache::HeldPages held = kept.state->PagesOf(kKinds[kind]);
      bytes += BytesOf<uint32_t>(held.pages.size());
      for (const KvPage* page : held.pages) {
        const bool is_new = !lists_[kind].places.contains(page);
        if (is_new) bytes += shape_.page_bytes[kind] + int64_t{sizeof(uint64_t)};
      }
    }
    if (bytes > free_bytes_) return false;
    free_bytes_ -= bytes;
    ++num_states_;
    const std::array held = {kept.state->PagesOf(kKinds[0]), kept.state->PagesOf(kKinds[1])};
    Put(kept.ids.size());
    Put(static_cast<uint64_t>(held[0].first));
    for (const KvCache::HeldPages& pages : held) Put(pages.pages.size());
    index_.append(reinterpret_cast<const char*>(kept.ids.data()),
                  kept.ids.size() * sizeof(int32_t));
    for (size_t kind = 0; kind < kKinds.size(); ++kind) {
      for (const KvPage* page : held[kind].pages) {
        const uint32_t place = PlaceOf(lists_[kind], page);
        index_.append(reinterpret_cast<const char*>(&place), sizeof place);
      }
    }
    return true;
  }

  int64_t num_states() const { return num_states_; }

  void Write(AtomicFile& file) {
    for (size_t kind = 0; kind < kKinds.size(); ++kind) {
      for (const KvPage* page : lists_[kind].pages) Put(PrefixChecksum(BytesOf(*page, kind)));
    }
    std::string head(PrefixFile::kMagic);
    const auto put = [&](auto value) {
      const auto number = static_cast<uint64_t>(value);
      head.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    put(PrefixFile::kVersion);
    put(kKvPageTokens);
    put(shape_.identity);
    put(shape_.vocab_size);
    put(shape_.window);
    for (const int64_t bytes : shape_.page_bytes) put(bytes);
    for (const PageList& list : lists_) put(list.pages.size());
    put(num_states_);
    head += index_;
    put(PrefixChecksum(std::as_bytes(std::span(head))));
    file.Append(head);
    for (size_t kind = 0; kind < kKinds.size(); ++kind) {
      for (const KvPage* page : lists_[kind].pages) file.Append(BytesOf(*page, kind));
    }
  }

 private:
  template <class T>
  static int64_t BytesOf(size_t count) {
    return static_cast<int64_t>(count * sizeof(T));
  }
  std::span<const std::byte> BytesOf(const KvPage& page, size_t kind) const {
    return {page.data, static_cast<size_t>(shape_.page_bytes[kind])};
  }
  void Put(uint64_t number) {
    index_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  static uint32_t PlaceOf(PageList& list, const KvPage* page) {
    const auto [at, is_new] = list.places.emplace(page, static_cast<uint32_t>(list.pages.size()));
    if (is_new) list.pages.push_back(page);
    return at->second;
  }

  const PrefixFileShape& shape_;
  int64_t free_bytes_;
  int64_t num_states_ = 0;
  std::array<PageList, 2> lists_;
  std::string index_;
};

// Pages of a file that have been read, owned until this goes.
class LoadedPages {
 public:
  LoadedPages(const PrefixFile& file, KvPools& pools, int64_t free_bytes)
      : file_(file), pools_(pools), free_bytes_(free_bytes) {}
  LoadedPages(const LoadedPages&) = delete;
  LoadedPages& operator=(const LoadedPages&) = delete;
  ~LoadedPages() {
    for (const auto& [key, page] : pages_) {
      if (page != nullptr) pools_.Of(key.first).Release(page);
    }
  }

  // Those at `places`; absent where they take more than is free.
  std::optional<std::vector<KvPage*>> Take(AttentionKind kind, std::span<const uint32_t> places) {
    std::vector<KvPage*> taken;
    for (const uint32_t place : places) {
      KvPage*& page = pages_[{kind, place}];
      if (page == nullptr) {
        const int64_t page_bytes = pools_.Of(kind).page_bytes();
        if (page_bytes > free_bytes_) {
          return std::nullopt;
        }
        free_bytes_ -= page_bytes;
        page = pools_.Of(kind).Take();
        file_.ReadPage(kind, place, {page->data, static_cast<size_t>(page_bytes)});
      }
      taken.push_back(page);
    }
    return taken;
  }

 private:
  const PrefixFile& file_;
  KvPools& pools_;
  int64_t free_bytes_;
  std::map<std::pair<AttentionKind, uint32_t>, KvPage*> pages_;
};

}  // namespace

void WriteStates(const PrefixStorage& storage, int64_t vocab_size, const KvPools& pools,
                 std::span<const PrefixCache::Kept> states,
                 const std::function<void()>& is_agreed) {
  const PrefixFileShape shape = ShapeOf(storage, vocab_size, pools);
  Selection selection(shape, storage.max_bytes);
  for (const PrefixCache::Kept& kept : states) TRINITY_CHECK(selection.Add(kept));
  AtomicFile file(storage.path, FileReaders::kOwner);
  selection.Write(file);
  is_agreed();
  file.Commit();
}

void ReadStates(const PrefixStorage& storage, int64_t vocab_size, KvPools& pools,
                int64_t free_bytes,
                const std::function<KvCache*(const std::vector<int32_t>& ids)>& next) {
  const PrefixFile file(storage.path, ShapeOf(storage, vocab_size, pools));
  LoadedPages pages(file, pools, free_bytes);
  for (const StoredPrefix& stored : file.states()) {
    const auto sliding = pages.Take(AttentionKind::kSliding, stored.sliding_pages);
    if (!sliding) return;
    const auto full = pages.Take(AttentionKind::kFull, stored.full_pages);
    if (!full) return;
    KvCache* state = next(stored.ids);
    if (state == nullptr) return;
    state->Adopt(static_cast<int64_t>(stored.ids.size()), {stored.first_sliding, *sliding},
                 {0, *full});
  }
}

int64_t SavePrefixes(const PrefixStorage& storage, int64_t vocab_size, const KvPools& pools,
                     const PrefixCache& prefixes) {
  std::vector<PrefixCache::Kept> kept = prefixes.ListKept();
  const PrefixFileShape shape = ShapeOf(storage, vocab_size, pools);
  Selection selection(shape, storage.max_bytes);
  size_t num_fitting = 0;
  while (num_fitting < kept.size() && selection.Add(kept[num_fitting])) ++num_fitting;
  kept.resize(num_fitting);
  if (kept.empty()) {
    std::error_code error;
    std::filesystem::remove(storage.path, error);
    return 0;
  }
  if (storage.leader != nullptr) {
    SaveOnAllRanks(storage, pools, kept);
  } else {
    WriteStates(storage, vocab_size, pools, kept, [] {});
  }
  return static_cast<int64_t>(kept.size());
}

int64_t LoadPrefixes(const PrefixStorage& storage, int64_t vocab_size, KvPools& pools,
                     int64_t free_bytes, PrefixCache& prefixes) {
  std::list<KvCache> states;
  std::vector<PrefixCache::Kept> read;
  ReadStates(storage, vocab_size, pools, free_bytes, [&](const std::vector<int32_t>& ids) {
    KvCache& state = states.emplace_back(pools);
    read.push_back({ids, &state});
    return &state;
  });
  if (storage.leader != nullptr && !read.empty()) LoadOnOtherRanks(storage, pools, read);
  // The one that was used last is kept last.
  for (auto one = read.rbegin(); one != read.rend(); ++one) prefixes.Keep(one->ids, *one->state);
  return static_cast<int64_t>(states.size());
}

}  // namespace trinity

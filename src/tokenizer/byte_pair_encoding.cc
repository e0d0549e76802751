#include "tokenizer/byte_pair_encoding.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "base/check.h"
#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();
// Up to so many bytes, looking at all ranks for each merge is faster than a heap.
constexpr size_t kShortBytes = 32;

}  // namespace

BytePairEncoding::BytePairEncoding(Vocabulary vocabulary, MergeTable merges,
                                   WholePieces whole_pieces, std::span<const int32_t> never_whole)
    : vocabulary_(std::move(vocabulary)),
      merges_(std::move(merges)),
      whole_pieces_(whole_pieces),
      stability_(static_cast<size_t>(vocabulary_.num_ids())) {
  for (size_t byte = 0; byte < id_of_byte_.size(); ++byte) {
    const std::optional<int32_t> id = vocabulary_.Find(SpellingOfByte(static_cast<uint8_t>(byte)));
    TRINITY_CHECK(id.has_value());
    id_of_byte_[byte] = *id;
  }
  for (const int32_t id : never_whole) stability_[static_cast<size_t>(id)] = Stability::kSplit;
}

void BytePairEncoding::Encode(std::string_view piece, Scratch& scratch,
                              std::vector<int32_t>& ids) const {
  const std::optional<int32_t> whole = vocabulary_.FindBytes(piece);
  if (!whole) return MergePiece(piece, scratch, ids);
  std::atomic<Stability>& known = stability_[static_cast<size_t>(*whole)];
  const Stability stability = known.load(std::memory_order_relaxed);
  const bool take_direct =
      whole_pieces_ == WholePieces::kTakeDirect && stability != Stability::kSplit;
  if (take_direct || stability == Stability::kWhole) {
    ids.push_back(*whole);
    return;
  }
  const size_t begin = ids.size();
  MergePiece(piece, scratch, ids);
  if (stability == Stability::kUnknown) {
    const bool is_whole = ids.size() == begin + 1 && ids.back() == *whole;
    known.store(is_whole ? Stability::kWhole : Stability::kSplit, std::memory_order_relaxed);
  }
}

void BytePairEncoding::MergePiece(std::string_view piece, Scratch& scratch,
                                  std::vector<int32_t>& ids) const {
  if (piece.size() <= kShortBytes) {
    MergeShort(piece, ids);
  } else {
    MergeLong(piece, scratch, ids);
  }
}

void BytePairEncoding::MergeShort(std::string_view piece, std::vector<int32_t>& ids) const {
  struct Symbol {
    int32_t id;
    Merge merge;  // with the next symbol
    size_t next;
  };
  std::array<Symbol, kShortBytes> symbols;
  const size_t end = piece.size();
  const auto look_up = [&](Symbol& symbol) {
    const Merge* merge =
        symbol.next < end ? merges_.Find(symbol.id, symbols[symbol.next].id) : nullptr;
    symbol.merge = merge != nullptr ? *merge : Merge{kNoRank, 0};
  };
  for (size_t i = 0; i < end; ++i) {
    symbols[i] = {id_of_byte_[static_cast<uint8_t>(piece[i])], {kNoRank, 0}, i + 1};
  }
  for (size_t i = 0; i < end; ++i) look_up(symbols[i]);
  while (true) {
    Symbol* best = &symbols[0];
    Symbol* before_best = nullptr;
    for (size_t i = 0; symbols[i].next < end; i = symbols[i].next) {
      Symbol& after = symbols[symbols[i].next];
      if (after.merge.rank >= best->merge.rank) continue;
      best = &after;
      before_best = &symbols[i];
    }
    if (best->merge.rank == kNoRank) break;
    best->id = best->merge.product;
    best->next = symbols[best->next].next;
    look_up(*best);
    if (before_best != nullptr) look_up(*before_best);
  }
  for (size_t i = 0; i < end; i = symbols[i].next) ids.push_back(symbols[i].id);
}

// The merge of the symbol at `at` with its right neighbour, noted and queued.
void BytePairEncoding::Join(uint32_t at, Scratch& s, uint32_t end) const {
  const uint32_t right = s.next[at];
  const Merge* merge = right < end ? merges_.Find(s.ids[at], s.ids[right]) : nullptr;
  s.ranks[at] = merge != nullptr ? merge->rank : kNoRank;
  if (merge == nullptr) return;
  s.queue.push_back(uint64_t{static_cast<uint32_t>(merge->rank)} << 32 | at);
  std::push_heap(s.queue.begin(), s.queue.end(), std::greater<>());
}

// A heap holds every pair that merges, by rank and then position; an entry is stale when the rank
// at its position has changed since. n log n in the length of the piece.
void BytePairEncoding::MergeLong(std::string_view piece, Scratch& s,
                                 std::vector<int32_t>& ids) const {
  TRINITY_CHECK(piece.size() <= std::numeric_limits<int32_t>::max());
  const auto end = static_cast<uint32_t>(piece.size());
  s.ids.resize(end);
  s.ranks.resize(end);
  s.next.resize(end);
  s.previous.resize(end);
  s.queue.clear();
  for (uint32_t i = 0; i < end; ++i) {
    s.ids[i] = id_of_byte_[static_cast<uint8_t>(piece[i])];
    s.next[i] = i + 1;
    s.previous[i] = i - 1;  // wraps for the first, which is never asked
  }
  for (uint32_t i = 0; i < end; ++i) Join(i, s, end);
  while (!s.queue.empty()) {
    std::pop_heap(s.queue.begin(), s.queue.end(), std::greater<>());
    const uint64_t entry = s.queue.back();
    s.queue.pop_back();
    const auto at = static_cast<uint32_t>(entry);
    if (s.ranks[at] != static_cast<int32_t>(entry >> 32)) continue;
    const uint32_t right = s.next[at];
    s.ids[at] = merges_.Find(s.ids[at], s.ids[right])->product;
    s.ranks[right] = kNoRank;
    s.next[at] = s.next[right];
    if (s.next[at] < end) s.previous[s.next[at]] = at;
    Join(at, s, end);
    if (at > 0) Join(s.previous[at], s, end);
  }
  for (uint32_t i = 0; i < end; i = s.next[i]) ids.push_back(s.ids[i]);
}

}  // namespace trinity

#include "tokenizer/merge_table.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace trinity {
namespace {

constexpr size_t kFirstSlots = 1024;
constexpr size_t kMaxProbes = 512;

uint64_t PairOf(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

// Spreads neighbouring ids over the table: the finaliser of a multiplicative hash, twice.
uint64_t Spread(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xD6E8FEB86659FD93u;
  return x ^ (x >> 32);
}

}  // namespace

size_t MergeTable::SlotOf(uint64_t pair) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = Spread(pair) & mask;
  size_t probe = 0;
  while (slots_[slot].pair != pair && slots_[slot].pair != kFree) {
    if (++probe == kMaxProbes) return slots_.size();
    slot = (slot + 1) & mask;
  }
  return slot;
}

void MergeTable::Grow() {
  std::vector<Slot> old(std::max(kFirstSlots, 2 * slots_.size()));
  std::swap(old, slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& entry : old) {
    if (entry.pair == kFree) continue;
    size_t slot = Spread(entry.pair) & mask;
    while (slots_[slot].pair != kFree) slot = (slot + 1) & mask;
    slots_[slot] = entry;
  }
}

MergeTable::Insertion MergeTable::Insert(int32_t left, int32_t right, Merge merge) {
  TRINITY_CHECK(left >= 0 && right >= 0);
  if (slots_.size() < 2 * (static_cast<size_t>(num_merges_) + 1)) Grow();
  const uint64_t pair = PairOf(left, right);
  const size_t slot = SlotOf(pair);
  if (slot == slots_.size()) return Insertion::kCollides;
  if (slots_[slot].pair == pair) return Insertion::kPairTaken;
  slots_[slot] = {pair, merge};
  ++num_merges_;
  return Insertion::kDone;
}

const Merge* MergeTable::Find(int32_t left, int32_t right) const {
  if (slots_.empty()) return nullptr;
  const uint64_t pair = PairOf(left, right);
  const size_t slot = SlotOf(pair);
  return slot < slots_.size() && slots_[slot].pair == pair ? &slots_[slot].merge : nullptr;
}

std::vector<TokenPair> MergeTable::List() const {
  std::vector<Slot> used;
  std::copy_if(slots_.begin(), slots_.end(), std::back_inserter(used),
               [](const Slot& slot) { return slot.pair != kFree; });
  std::sort(used.begin(), used.end(),
            [](const Slot& a, const Slot& b) { return a.merge.rank < b.merge.rank; });
  std::vector<TokenPair> pairs;
  pairs.reserve(used.size());
  for (const Slot& slot : used) {
    pairs.push_back({static_cast<int32_t>(slot.pair >> 32), static_cast<int32_t>(slot.pair)});
  }
  return pairs;
}

}  // namespace trinity

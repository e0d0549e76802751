#include "tokenizer/vocabulary.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

constexpr size_t kFirstSlots = 1024;
// Of half-full tables with good hashes, the longest run of a million entries stays far below.
constexpr size_t kMaxProbes = 512;

}  // namespace

uint32_t Vocabulary::HashOf(std::string_view bytes) {
  const uint64_t hash = std::hash<std::string_view>{}(bytes);
  return static_cast<uint32_t>(hash ^ (hash >> 32));
}

// Entries and their bytes lie all over memory: slots hold the hash, so that those of other tokens
// are seldom looked at.
std::optional<size_t> Vocabulary::FindSlot(std::string_view bytes, Kind kind, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t index = hash & mask;
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    const Slot& slot = slots_[index];
    if (slot.id < 0) return index;
    if (slot.hash == hash && entries_[static_cast<size_t>(slot.id)].kind == kind &&
        BytesOf(slot.id) == bytes) {
      return index;
    }
    index = (index + 1) & mask;
  }
  return std::nullopt;
}

void Vocabulary::Grow() {
  std::vector<Slot> old(std::max(kFirstSlots, 2 * slots_.size()));
  std::swap(old, slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    size_t index = slot.hash & mask;
    while (slots_[index].id >= 0) index = (index + 1) & mask;
    slots_[index] = slot;
  }
}

Vocabulary::Insertion Vocabulary::Insert(std::string_view spelling, int32_t id) {
  TRINITY_CHECK(id >= 0);
  std::string bytes;
  const Kind kind = BytesOfSpelling(spelling, bytes) ? Kind::kByteAlphabet : Kind::kOther;
  if (slots_.size() < 2 * (static_cast<size_t>(num_tokens_) + 1)) Grow();
  const uint32_t hash = HashOf(bytes);
  const std::optional<size_t> slot = FindSlot(bytes, kind, hash);
  if (!slot) return Insertion::kCollides;
  if (slots_[*slot].id >= 0) return Insertion::kTokenTaken;
  if (Has(id)) return Insertion::kIdTaken;
  if (static_cast<size_t>(id) >= entries_.size()) entries_.resize(static_cast<size_t>(id) + 1);
  entries_[static_cast<size_t>(id)] = {static_cast<uint32_t>(arena_.size()),
                                       static_cast<uint32_t>(bytes.size()), kind};
  arena_ += bytes;
  TRINITY_CHECK(arena_.size() <= UINT32_MAX);
  slots_[*slot] = {hash, id};
  ++num_tokens_;
  longest_bytes_ = std::max(longest_bytes_, bytes.size());
  return Insertion::kDone;
}

std::optional<int32_t> Vocabulary::FindKind(std::string_view bytes, Kind kind) const {
  if (slots_.empty() || bytes.size() > longest_bytes_) return std::nullopt;
  const std::optional<size_t> slot = FindSlot(bytes, kind, HashOf(bytes));
  if (!slot || slots_[*slot].id < 0) return std::nullopt;
  return slots_[*slot].id;
}

std::optional<int32_t> Vocabulary::Find(std::string_view spelling) const {
  std::string bytes;
  const Kind kind = BytesOfSpelling(spelling, bytes) ? Kind::kByteAlphabet : Kind::kOther;
  return FindKind(bytes, kind);
}

std::optional<int32_t> Vocabulary::FindBytes(std::string_view bytes) const {
  return FindKind(bytes, Kind::kByteAlphabet);
}

std::string_view Vocabulary::BytesOf(int32_t id) const {
  if (!Has(id)) return {};
  const Entry& entry = entries_[static_cast<size_t>(id)];
  return std::string_view(arena_).substr(entry.offset, entry.num_bytes);
}

bool Vocabulary::Has(int32_t id) const {
  return id >= 0 && static_cast<size_t>(id) < entries_.size() &&
         entries_[static_cast<size_t>(id)].kind != Kind::kNone;
}

bool Vocabulary::IsOfByteAlphabet(int32_t id) const {
  return Has(id) && entries_[static_cast<size_t>(id)].kind == Kind::kByteAlphabet;
}

}  // namespace trinity

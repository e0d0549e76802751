#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// Tokens and their ids. A token is spelled in the byte alphabet and kept as the bytes that it
// stands for; one with other characters stands for its own UTF-8. Ids may have gaps.
class Vocabulary {
 public:
  enum class Insertion {
    kDone,
    kTokenTaken,  // the token has an id already
    kIdTaken,     // another token has this id
    kCollides,    // too many hashes fall together, which only happens on purpose
  };

  // `id`: not negative; memory grows with the largest. A refused token changes nothing.
  Insertion Insert(std::string_view spelling, int32_t id);

  std::optional<int32_t> Find(std::string_view spelling) const;
  // The token of the byte alphabet that stands for `bytes`.
  std::optional<int32_t> FindBytes(std::string_view bytes) const;

  // Empty for an id without a token.
  std::string_view BytesOf(int32_t id) const;
  bool Has(int32_t id) const;
  bool IsOfByteAlphabet(int32_t id) const;

  int64_t num_tokens() const { return num_tokens_; }
  int32_t num_ids() const { return static_cast<int32_t>(entries_.size()); }  // the largest + 1
  size_t longest_bytes() const { return longest_bytes_; }

 private:
  enum class Kind : uint8_t { kNone, kByteAlphabet, kOther };
  struct Entry {
    uint32_t offset = 0;  // into arena_
    uint32_t num_bytes = 0;
    Kind kind = Kind::kNone;
  };

  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;  // -1: free
  };

  static uint32_t HashOf(std::string_view bytes);
  // The slot of the token, or the free one where it belongs; none if too many collide.
  std::optional<size_t> FindSlot(std::string_view bytes, Kind kind, uint32_t hash) const;
  std::optional<int32_t> FindKind(std::string_view bytes, Kind kind) const;
  void Grow();

  std::string arena_;
  std::vector<Entry> entries_;  // by id
  std::vector<Slot> slots_;     // hash table; a power of two, at most half full
  int64_t num_tokens_ = 0;
  size_t longest_bytes_ = 0;
};

}  // namespace trinity

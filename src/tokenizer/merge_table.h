#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trinity {

// What joining two neighbouring tokens gives. Merges of lower rank come first.
struct Merge {
  int32_t rank;
  int32_t product;  // an id
};

struct TokenPair {
  int32_t left;
  int32_t right;
};

// The merges of a BPE: from a pair of ids to its merge.
class MergeTable {
 public:
  enum class Insertion { kDone, kPairTaken, kCollides };

  Insertion Insert(int32_t left, int32_t right, Merge merge);

  // Null where the two do not merge.
  const Merge* Find(int32_t left, int32_t right) const;

  int64_t num_merges() const { return num_merges_; }

  std::vector<TokenPair> List() const;  // by rank

 private:
  struct Slot {
    uint64_t pair = kFree;
    Merge merge{};
  };
  static constexpr uint64_t kFree = ~uint64_t{0};  // ids are not negative

  size_t SlotOf(uint64_t pair) const;
  void Grow();

  std::vector<Slot> slots_;  // open addressing; a power of two, at most half full
  int64_t num_merges_ = 0;
};

}  // namespace trinity

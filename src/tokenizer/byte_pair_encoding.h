#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tokenizer/merge_table.h"
#include "tokenizer/vocabulary.h"

namespace trinity {

// Byte-level BPE: a piece begins as its bytes, and as long as two neighbours merge, the pair of
// lowest rank is joined, the leftmost first. Thread-safe.
class BytePairEncoding {
 public:
  enum class WholePieces {
    kMerge,       // a piece that is a token is merged like any other
    kTakeDirect,  // ignore_merges: it becomes that token without looking at merges
  };

  // The vocabulary must hold the 256 byte symbols and every id that `merges` names. Ids of
  // `never_whole` (added tokens) are not taken for a piece that merely reads like them.
  BytePairEncoding(Vocabulary vocabulary, MergeTable merges, WholePieces whole_pieces,
                   std::span<const int32_t> never_whole = {});

  // Memory for the work on one piece, kept between pieces. For one thread at a time.
  struct Scratch {
    std::vector<int32_t> ids;        // of the symbol that begins at this byte
    std::vector<int32_t> ranks;      // of its merge with the next symbol; kNoRank: none
    std::vector<uint32_t> next;      // where the next symbol begins
    std::vector<uint32_t> previous;  // where the previous symbol begins
    std::vector<uint64_t> queue;     // heap of rank << 32 | begin
  };

  // Appends the ids of `piece`, at most 2^31 - 1 bytes.
  void Encode(std::string_view piece, Scratch& scratch, std::vector<int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  int64_t num_merges() const { return merges_.num_merges(); }
  std::vector<TokenPair> ListMerges() const { return merges_.List(); }  // by rank
  bool takes_whole_pieces() const { return whole_pieces_ == WholePieces::kTakeDirect; }

 private:
  enum class Stability : uint8_t { kUnknown, kWhole, kSplit };

  void MergePiece(std::string_view piece, Scratch& scratch, std::vector<int32_t>& ids) const;
  void MergeShort(std::string_view piece, std::vector<int32_t>& ids) const;
  void MergeLong(std::string_view piece, Scratch& scratch, std::vector<int32_t>& ids) const;
  void Join(uint32_t at, Scratch& scratch, uint32_t end) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  WholePieces whole_pieces_;
  std::array<int32_t, 256> id_of_byte_{};
  // Whether merging the bytes of a token gives that token again: found out once for each id, by
  // whichever thread needs it first. So most words cost one look-up.
  mutable std::vector<std::atomic<Stability>> stability_;
};

}  // namespace trinity

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "model/kv_cache.h"

namespace trinity {

// What a file of prefixes has to be made for, so that its keys and values can be used.
struct PrefixFileShape {
  uint64_t identity = 0;  // of the model and of how it is computed
  int64_t vocab_size = 0;
  int64_t window = 0;                      // of the sliding layers; 0 where none slides
  std::array<int64_t, 2> page_bytes = {};  // of a page of sliding layers, of full layers
};

// A state of the file: the tokens that it comes after, and which pages of the file hold it.
struct StoredPrefix {
  std::vector<int32_t> ids;
  int64_t first_sliding = 0;            // number of the first page that sliding layers hold
  std::vector<uint32_t> sliding_pages;  // by their places in the file
  std::vector<uint32_t> full_pages;
};

// A file of prefixes, opened for reading. In the file, all numbers little-endian:
//
//   8 bytes "TRINITYP", then uint64 each: version, tokens of a page, identity, vocab_size, window,
//   bytes of a sliding and of a full page, their counts, count of states
//   the index: for each state uint64 tokens, first sliding page, count of sliding and full pages,
//     then uint32 each: the tokens, the pages; after the states uint64 each: checksums of the pages
//   uint64: checksum of all before
//   the pages: those of sliding layers, those of full layers
//
// The most recently used state comes first.
class PrefixFile {
 public:
  static constexpr std::string_view kMagic = "TRINITYP";
  static constexpr uint64_t kVersion = 1;
  static constexpr int64_t kHeaderBytes = 8 + 10 * 8;

  // Reads and checks everything but the pages. Throws Error with path, what was expected and found.
  PrefixFile(const std::string& path, const PrefixFileShape& shape);

  const std::vector<StoredPrefix>& states() const { return states_; }
  // Fills `page`, of as many bytes as the shape says. Throws Error where its checksum is another.
  void ReadPage(AttentionKind kind, uint32_t place, std::span<std::byte> page) const;

 private:
  void ReadHeader(const PrefixFileShape& shape, std::span<const std::byte> header);
  void ReadIndex(const PrefixFileShape& shape, std::span<const std::byte> index);

  File file_;
  std::array<int64_t, 2> page_bytes_;
  std::array<uint64_t, 2> num_pages_ = {};
  uint64_t num_states_ = 0;
  int64_t index_bytes_ = 0;
  std::vector<StoredPrefix> states_;
  std::array<std::vector<uint64_t>, 2> checksums_;
};

// Tells accidental changes of bytes, 64 bits.
uint64_t PrefixChecksum(std::span<const std::byte> bytes, uint64_t before = 0);

}  // namespace trinity

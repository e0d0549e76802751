#pragma once

#include <cstdint>

#include "model/kv_cache.h"

namespace trinity {

// How many bytes of keys and values there may be, and what sequences take of them.
class KvBudget {
 public:
  // Throws Error where it does not hold one page of each kind of layers and what a step copies.
  KvBudget(KvPools& pools, int64_t bytes);

  int64_t bytes() const { return bytes_; }
  int64_t free_bytes() const { return bytes_ - pools_.bytes_in_use(); }
  // What a sequence of `length` tokens takes at most while it grows token by token, alone.
  int64_t BytesOfSequence(int64_t length) const;
  // What `cache` needs beside what it holds to come to `length` tokens.
  int64_t BytesToGrow(const KvCache& cache, int64_t length) const;
  // The most tokens, up to `limit`, that a sequence can have alone.
  int64_t LongestSequence(int64_t limit) const;

 private:
  int64_t SlidingPages(int64_t length) const;

  KvPools& pools_;
  int64_t bytes_;
  int64_t sliding_page_bytes_;
  int64_t full_page_bytes_;
};

}  // namespace trinity

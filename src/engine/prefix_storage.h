#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/prefix_cache.h"
#include "model/model.h"

namespace trinity {

// Where prefixes are kept while no engine runs.
struct PrefixStorage {
  std::string path;       // of the file
  uint64_t identity = 0;  // differs where keys and values would
  int64_t max_bytes = 0;  // of the file
  // Of rank 0 of several, each of which then has a file of its own; nullptr: there is one rank.
  const Model* leader = nullptr;
};

// The tokens of the states are below `vocab_size`, the pools are those of the cache.

// Writes states, the most recently used first, into a file. Before it appears `is_agreed` is
// called: where that throws it does not. At least one state.
void WriteStates(const PrefixStorage& storage, int64_t vocab_size, const KvPools& pools,
                 std::span<const PrefixCache::Kept> states, const std::function<void()>& is_agreed);

// Reads states of a file, in its order, into the caches that `next` gives for their tokens, until
// it gives none or the pools would take more than `free_bytes`. Throws Error where the file is not
// whole or is of something else; caches may then have some already.
void ReadStates(const PrefixStorage& storage, int64_t vocab_size, KvPools& pools,
                int64_t free_bytes,
                const std::function<KvCache*(const std::vector<int32_t>& ids)>& next);

// Writes what is kept into a file that appears when it is complete and that only its owner may
// read: of states, the most recently used first, those that fit max_bytes. Returns their number;
// for none there is no file afterwards. Throws StorageError.
int64_t SavePrefixes(const PrefixStorage& storage, int64_t vocab_size, const KvPools& pools,
                     const PrefixCache& prefixes);

// Keeps the states of the file, of which those that were used last are taken first while the pools
// take no more than `free_bytes`. Returns their number. Throws Error, with nothing kept, where the
// file is not whole or is of something else.
int64_t LoadPrefixes(const PrefixStorage& storage, int64_t vocab_size, KvPools& pools,
                     int64_t free_bytes, PrefixCache& prefixes);

}  // namespace trinity

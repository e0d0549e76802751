#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/prefix_storage.h"
#include "model/mirrored_caches.h"

namespace trinity {

// The files of prefixes of several ranks: each writes and reads the pages of its own part. All have
// the same states or none is used.

// The file of rank 0, of which the others make theirs, beside `path`, that of a model on one rank:
// prefixes-rank-0-of-3.trinity.
std::string PrefixPathOfLeader(const std::string& path, int num_ranks);

// On rank 0, whose own part this does too: `storage.path` is that of its file. Throws Error where
// one of the ranks cannot, with the message of that rank; no file is then replaced.
void SaveOnAllRanks(const PrefixStorage& storage, const KvPools& pools,
                    std::span<const PrefixCache::Kept> states);
// On rank 0, after it has read `states`. Throws Error where another rank has not the same.
void LoadOnOtherRanks(const PrefixStorage& storage, const KvPools& pools,
                      std::span<const PrefixCache::Kept> states);

// On the others: the RankTask of both.
void FollowPrefixes(const Model& model, MirroredCaches& caches, std::span<const int64_t> words);

}  // namespace trinity

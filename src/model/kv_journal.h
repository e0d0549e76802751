#pragma once

#include <cstdint>
#include <vector>

namespace trinity {

enum class KvCommandKind : int64_t {
  kMakePools,  // argument: the dtype
  kDropPools,
  kMakeCache,  // argument: its pools
  kDropCache,
  kClear,
  kShare,       // argument: the cache to share from
  kTruncate,    // argument: the new length
  kExtend,      // argument: the number of positions
  kHoldWindow,  // argument: the length
  kReleaseUnseen,
};

struct KvCommand {
  KvCommandKind kind;
  int64_t id;  // of the cache or the pools
  int64_t argument;
};

// What happened to the caches of the leading rank since its last step, beyond the steps themselves:
// the other ranks do the same to theirs before they compute the next one.
class KvJournal {
 public:
  // A number for a cache or for pools, never given twice.
  int64_t NewId() { return ++last_id_; }

  void Record(const KvCommand& command) { commands_.push_back(command); }

  const std::vector<KvCommand>& commands() const { return commands_; }
  void Clear() { commands_.clear(); }

 private:
  int64_t last_id_ = 0;
  std::vector<KvCommand> commands_;
};

}  // namespace trinity

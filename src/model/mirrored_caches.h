#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "model/kv_cache.h"
#include "model/model.h"

namespace trinity {

// The caches of rank 0 on another rank, as far as they are that rank's.
class MirroredCaches {
 public:
  explicit MirroredCaches(const Model& model) : model_(model) {}

  // By their numbers in the journal.
  KvCache& At(int64_t id) { return *caches_.at(id); }
  KvPools& PoolsAt(int64_t id) { return *pools_.at(id); }

  void Do(const KvCommand& command);

 private:
  const Model& model_;
  std::map<int64_t, std::unique_ptr<KvPools>> pools_;
  std::map<int64_t, std::unique_ptr<KvCache>> caches_;  // gone before their pools
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/prefix_miss.h"
#include "model/kv_cache.h"

namespace trinity {

// Which kept states may be given up.
enum class Eviction {
  kFreesPages,  // those that hold pages alone
  kAny,
};

// Keys and values of prompts and answers that were computed, for those that begin like them. A
// radix tree over token ids: a node is a beginning that texts have in common, and may hold the
// state after it, as a KvCache that shares its pages with everybody else. Sliding layers have only
// the window before a state, so one can continue from states alone: where they are kept is decided
// by who computes. The tokens of states that were given up stay, so that one can say why something
// has to be computed again. The pools must outlive it.
class PrefixCache {
 public:
  explicit PrefixCache(KvPools& pools);
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  struct Match {
    int64_t num_cached = 0;  // tokens
    PrefixMiss miss = {};
  };
  // The longest beginning of `ids`, of at most `limit` tokens, whose state can be had.
  Match Find(std::span<const int32_t> ids, int64_t limit) const;
  // The same; `cache`, which is empty, becomes that state, and what it came from counts as used.
  Match Take(std::span<const int32_t> ids, int64_t limit, KvCache& cache);

  // Keeps the state after `ids`, out of a cache that has computed them and can be cut there.
  void Keep(std::span<const int32_t> ids, const KvCache& cache);

  // Gives up the state that has not been used for the longest time; false: there is none such.
  bool EvictOldest(Eviction eviction);

  // What is kept, the most recently used first; good until the next call of another function.
  struct Kept {
    std::vector<int32_t> ids;
    const KvCache* state;
  };
  std::vector<Kept> ListKept() const;

  int64_t num_kept() const { return static_cast<int64_t>(by_use_.size()); }
  int64_t num_evicted() const { return num_evicted_; }
  // Of pages that nobody else holds.
  int64_t BytesHeldAlone() const;

 private:
  struct Node {
    Node* parent = nullptr;
    std::vector<int32_t> edge;          // the tokens since the parent
    int64_t length = 0;                 // of all tokens up to its end
    std::map<int32_t, Node*> children;  // by first token
    std::optional<KvCache> kept;
    bool was_evicted = false;
    std::list<Node*>::iterator use;  // in by_use_, while something is kept
    std::list<Node>::iterator self;  // in nodes_
  };
  // Where the walk along a text ends: within the edge of `node`, or at its end.
  struct Place {
    Node* node;
    int64_t num_matched;
  };

  Place Walk(std::span<const int32_t> ids) const;
  // The node whose state can be cut to the most tokens, and to how many.
  std::pair<Node*, int64_t> BestOf(const Place& place, int64_t limit) const;
  Node* FindBelow(Node* node, int64_t length) const;
  PrefixMiss MissOf(const Place& place, int64_t num_cached, int64_t limit) const;
  Node* AddNode(Node* parent, std::span<const int32_t> edge);
  // Makes the place the end of a node.
  Node* SplitAt(const Place& place);
  void ForgetEvicted();

  KvPools& pools_;
  std::list<Node> nodes_;    // the first is the root
  std::list<Node*> by_use_;  // those that keep something, the longest unused first
  int64_t num_tokens_ = 0;   // in all edges
  int64_t num_evicted_ = 0;
};

}  // namespace trinity

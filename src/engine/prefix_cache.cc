#include "engine/prefix_cache.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "engine/shared_beginning.h"

namespace trinity {
namespace {

// With more tokens than this in the tree, it forgets those of states that were given up.
constexpr int64_t kMaxTreeTokens = int64_t{1} << 22;

}  // namespace

PrefixCache::PrefixCache(KvPools& pools) : pools_(pools) { AddNode(nullptr, {}); }

PrefixCache::Node* PrefixCache::AddNode(Node* parent, std::span<const int32_t> edge) {
  Node& node = nodes_.emplace_back();
  node.self = std::prev(nodes_.end());
  node.parent = parent;
  node.edge.assign(edge.begin(), edge.end());
  node.length = static_cast<int64_t>(edge.size());
  if (parent != nullptr) {
    node.length += parent->length;
    parent->children[edge.front()] = &node;
  }
  num_tokens_ += static_cast<int64_t>(edge.size());
  return &node;
}

PrefixCache::Place PrefixCache::Walk(std::span<const int32_t> ids) const {
  auto* node = const_cast<Node*>(&nodes_.front());
  auto rest = ids;
  while (!rest.empty()) {
    const auto child = node->children.find(rest.front());
    if (child == node->children.end()) break;
    const int64_t num_equal = SharedBeginning(child->second->edge, rest);
    const bool is_whole = num_equal == static_cast<int64_t>(child->second->edge.size());
    if (!is_whole) return {child->second, node->length + num_equal};
    node = child->second;
    rest = rest.subspan(static_cast<size_t>(num_equal));
  }
  return {node, node->length};
}

PrefixCache::Node* PrefixCache::FindBelow(Node* node, int64_t length) const {
  // Of states further than this from `length`, sliding layers no longer hold what it sees.
  const int64_t window = pools_.window();
  const int64_t last = std::max(window, length + kKvPageTokens);
  std::vector<Node*> open = {node};
  while (!open.empty()) {
    Node* below = open.back();
    open.pop_back();
    if (below->kept && below->kept->CanTruncateTo(length)) return below;
    if (window > 0 && below->length > last) continue;
    for (const auto& [id, child] : below->children) open.push_back(child);
  }
  return nullptr;
}

std::pair<PrefixCache::Node*, int64_t> PrefixCache::BestOf(const Place& place,
                                                           int64_t limit) const {
  const int64_t most = std::min(place.num_matched, limit);
  if (most <= 0) return {nullptr, 0};
  Node* node = place.node;
  while (node->parent != nullptr && node->parent->length >= most) node = node->parent;
  if (Node* below = FindBelow(node, most)) return {below, most};
  for (; node != nullptr; node = node->parent) {
    if (node->kept && node->length <= most) return {node, node->length};
  }
  return {nullptr, 0};
}

PrefixMiss PrefixCache::MissOf(const Place& place, int64_t num_cached, int64_t limit) const {
  PrefixMiss miss;
  miss.num_matched = place.num_matched;
  if (num_cached >= limit) return miss;
  miss.reason =
      place.num_matched > num_cached ? PrefixMissReason::kBetween : PrefixMissReason::kNew;
  for (const Node* node = place.node; node != nullptr; node = node->parent) {
    // A node that the text leaves within its edge has been no state of it.
    const bool is_passed = node->length <= place.num_matched && node->length > num_cached;
    if (is_passed && node->was_evicted) miss.reason = PrefixMissReason::kEvicted;
  }
  return miss;
}

PrefixCache::Match PrefixCache::Find(std::span<const int32_t> ids, int64_t limit) const {
  const Place place = Walk(ids);
  const int64_t num_cached = BestOf(place, limit).second;
  return {num_cached, MissOf(place, num_cached, limit)};
}

PrefixCache::Match PrefixCache::Take(std::span<const int32_t> ids, int64_t limit, KvCache& cache) {
  TRINITY_CHECK(cache.length() == 0);
  const Place place = Walk(ids);
  const auto [node, num_cached] = BestOf(place, limit);
  if (node != nullptr) {
    cache.ShareFrom(*node->kept);
    cache.TruncateTo(num_cached);
    cache.ReleaseUnseen();
    by_use_.splice(by_use_.end(), by_use_, node->use);
  }
  return {num_cached, MissOf(place, num_cached, limit)};
}

PrefixCache::Node* PrefixCache::SplitAt(const Place& place) {
  Node* lower = place.node;
  if (place.num_matched == lower->length) return lower;
  Node* parent = lower->parent;
  const auto num_upper = static_cast<size_t>(place.num_matched - parent->length);
  const std::vector<int32_t> edge = std::move(lower->edge);
  num_tokens_ -= static_cast<int64_t>(num_upper);
  Node* upper = AddNode(parent, std::span(edge).first(num_upper));
  lower->edge.assign(edge.begin() + static_cast<int64_t>(num_upper), edge.end());
  lower->parent = upper;
  upper->children[lower->edge.front()] = lower;
  return upper;
}

void PrefixCache::Keep(std::span<const int32_t> ids, const KvCache& cache) {
  if (ids.empty()) return;
  const Place place = Walk(ids);
  Node* node = SplitAt(place);
  const auto rest = ids.subspan(static_cast<size_t>(place.num_matched));
  if (!rest.empty()) node = AddNode(node, rest);
  if (node->kept) {
    by_use_.splice(by_use_.end(), by_use_, node->use);
    return;
  }
  node->kept.emplace(pools_);
  node->kept->ShareFrom(cache);
  node->kept->TruncateTo(node->length);
  node->kept->ReleaseUnseen();
  node->was_evicted = false;
  node->use = by_use_.insert(by_use_.end(), node);
  if (num_tokens_ > kMaxTreeTokens) ForgetEvicted();
}

bool PrefixCache::EvictOldest(Eviction eviction) {
  for (Node* node : by_use_) {
    if (eviction == Eviction::kFreesPages && !node->kept->OwnsPagesAlone()) continue;
    by_use_.erase(node->use);
    node->kept.reset();
    node->was_evicted = true;
    ++num_evicted_;
    return true;
  }
  return false;
}

void PrefixCache::ForgetEvicted() {
  std::vector<Node*> leaves;
  for (Node& node : nodes_) {
    if (node.children.empty()) leaves.push_back(&node);
  }
  for (Node* node : leaves) {
    while (node->parent != nullptr && node->children.empty() && !node->kept) {
      Node* parent = node->parent;
      parent->children.erase(node->edge.front());
      num_tokens_ -= static_cast<int64_t>(node->edge.size());
      nodes_.erase(node->self);
      node = parent;
    }
  }
}

std::vector<PrefixCache::Kept> PrefixCache::ListKept() const {
  std::vector<Kept> list;
  for (auto last = by_use_.rbegin(); last != by_use_.rend(); ++last) {
    std::vector<const Node*> path;
    for (const Node* node = *last; node != nullptr; node = node->parent) path.push_back(node);
    Kept& kept = list.emplace_back();
    kept.state = &*(*last)->kept;
    for (auto node = path.rbegin(); node != path.rend(); ++node) {
      kept.ids.insert(kept.ids.end(), (*node)->edge.begin(), (*node)->edge.end());
    }
  }
  return list;
}

int64_t PrefixCache::BytesHeldAlone() const {
  std::unordered_map<const KvPage*, int> num_holders;
  int64_t bytes = 0;
  for (const Node* node : by_use_) {
    node->kept->VisitPages([&](AttentionKind kind, const KvPage& page) {
      if (++num_holders[&page] == page.num_owners) bytes += pools_.Of(kind).page_bytes();
    });
  }
  return bytes;
}

}  // namespace trinity

#include "generate/stop_matcher.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr size_t kMaxStopBytes = size_t{4} << 20;

void CheckStops(const std::vector<std::string>& stops) {
  size_t num_bytes = 0;
  for (const std::string& stop : stops) {
    if (stop.empty()) Fail("stop: expected at least one character, found an empty string");
    if (!IsUtf8(stop)) Fail("stop: expected UTF-8, found \"{}\"", Printable(stop));
    num_bytes += stop.size();
  }
  if (num_bytes > kMaxStopBytes) {
    Fail("stop: expected at most {} bytes in all, found {}", kMaxStopBytes, num_bytes);
  }
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  CheckStops(stops_);
  std::sort(stops_.begin(), stops_.end());
  stops_.erase(std::unique(stops_.begin(), stops_.end()), stops_.end());
  BuildNodes();
  LinkFallbacks();
}

// Breadth first. The stop strings below a node are a range of the sorted ones, of which the first
// may end in the node itself.
void StopMatcher::BuildNodes() {
  struct Range {
    size_t first;
    size_t end;
  };
  std::vector<Range> ranges = {{0, stops_.size()}};
  nodes_.emplace_back();
  for (size_t node = 0; node < nodes_.size(); ++node) {
    Range rest = ranges[node];
    const int32_t depth = nodes_[node].depth;
    const auto at = static_cast<size_t>(depth);
    if (rest.first < rest.end && stops_[rest.first].size() == at) {
      nodes_[node].stop = static_cast<int32_t>(rest.first);
      ++rest.first;
    }
    nodes_[node].first_child = static_cast<int32_t>(nodes_.size());
    while (rest.first < rest.end) {
      const auto byte = static_cast<uint8_t>(stops_[rest.first][at]);
      size_t end = rest.first + 1;
      while (end < rest.end && static_cast<uint8_t>(stops_[end][at]) == byte) ++end;
      Node child;
      child.parent = static_cast<int32_t>(node);
      child.depth = depth + 1;
      child.byte = byte;
      nodes_.push_back(child);
      ranges.push_back({rest.first, end});
      rest.first = end;
    }
    nodes_[node].num_children = static_cast<int32_t>(nodes_.size()) - nodes_[node].first_child;
  }
  for (int32_t i = 0; i < nodes_[0].num_children; ++i) {
    const int32_t child = nodes_[0].first_child + i;
    root_children_[nodes_[static_cast<size_t>(child)].byte] = child;
  }
}

void StopMatcher::LinkFallbacks() {
  for (size_t i = 1; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    if (node.parent != 0) {
      node.fallback = NextState(nodes_[static_cast<size_t>(node.parent)].fallback, node.byte);
    }
    if (node.stop == kNoStop) node.stop = nodes_[static_cast<size_t>(node.fallback)].stop;
  }
}

int32_t StopMatcher::ChildOf(int32_t node, uint8_t byte) const {
  if (node == 0) return root_children_[byte];
  const Node& parent = nodes_[static_cast<size_t>(node)];
  const auto first = nodes_.begin() + parent.first_child;
  const auto end = first + parent.num_children;
  const auto child = std::lower_bound(
      first, end, byte, [](const Node& candidate, uint8_t b) { return candidate.byte < b; });
  if (child == end || child->byte != byte) return 0;
  return static_cast<int32_t>(child - nodes_.begin());
}

int32_t StopMatcher::NextState(int32_t node, uint8_t byte) const {
  while (true) {
    const int32_t child = ChildOf(node, byte);
    if (child != 0 || node == 0) return child;
    node = nodes_[static_cast<size_t>(node)].fallback;
  }
}

std::string StopMatcher::Append(std::string_view text) {
  if (matched_) return {};
  const size_t num_held = held_.size();
  held_ += text;
  for (size_t i = num_held; i < held_.size(); ++i) {
    state_ = NextState(state_, static_cast<uint8_t>(held_[i]));
    const int32_t stop = nodes_[static_cast<size_t>(state_)].stop;
    if (stop == kNoStop) continue;
    matched_ = stop;
    std::string released = std::exchange(held_, {});
    released.resize(i + 1 - stops_[static_cast<size_t>(stop)].size());
    return released;
  }
  const auto num_kept = static_cast<size_t>(nodes_[static_cast<size_t>(state_)].depth);
  std::string released = held_.substr(0, held_.size() - num_kept);
  held_.erase(0, released.size());
  return released;
}

std::string StopMatcher::Finish() { return std::exchange(held_, {}); }

std::optional<std::string> StopMatcher::matched_stop() const {
  if (!matched_) return std::nullopt;
  return stops_[static_cast<size_t>(*matched_)];
}

}  // namespace trinity

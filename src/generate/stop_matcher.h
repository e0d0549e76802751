#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// Looks for stop strings in a text that comes in pieces. Releases what cannot become part of a stop
// string any more and never anything of a stop string or after it. The match is the one that ends
// first, of those that end together the longest; so the pieces make no difference. An Aho-Corasick
// automaton (Aho and Corasick, "Efficient string matching", 1975): the time for a text does not
// depend on the number of stop strings.
class StopMatcher {
 public:
  // Throws Error for an empty stop string, one that is not UTF-8, or more than 4 MiB of them.
  explicit StopMatcher(std::vector<std::string> stops);

  // The text that became free with `text`; empty after a match.
  std::string Append(std::string_view text);

  // The text has ended: what is still held back, unless there was a match.
  std::string Finish();

  // The stop string that was found.
  std::optional<std::string> matched_stop() const;

 private:
  // A state: the longest end of the text so far that begins a stop string. Children are ordered by
  // their byte and stand together, after all nodes nearer to the root.
  struct Node {
    int32_t first_child = 0;
    int32_t num_children = 0;
    int32_t parent = 0;
    int32_t fallback = 0;    // the longest proper end of this state that is a state too
    int32_t depth = 0;       // bytes
    int32_t stop = kNoStop;  // the longest stop string that ends here
    uint8_t byte = 0;        // that leads here from the parent
  };
  static constexpr int32_t kNoStop = -1;

  void BuildNodes();
  void LinkFallbacks();
  int32_t ChildOf(int32_t node, uint8_t byte) const;  // 0 (the root, nobody's child) where none
  int32_t NextState(int32_t node, uint8_t byte) const;

  std::vector<std::string> stops_;  // sorted, each once
  std::vector<Node> nodes_;
  std::array<int32_t, 256> root_children_{};
  int32_t state_ = 0;
  std::string held_;  // the last nodes_[state_].depth bytes of the text
  std::optional<int32_t> matched_;
};

}  // namespace trinity

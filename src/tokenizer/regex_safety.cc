#include "tokenizer/regex_safety.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace trinity {
namespace {

// {n,m} with m up to this is a bounded repetition.
constexpr int kBoundedRepetition = 1000;
constexpr size_t kMaxNesting = 100;

struct Refusal {
  std::string_view begin;
  std::string_view name;
};

// Each lets a short pattern cost without bound, and no tokenizer needs one.
constexpr std::array<Refusal, 8> kRefusedGroups = {{
    {"(?(", "a conditional group"},
    {"(?~", "an absent group"},
    {"(?{", "a callout"},
    {"(*", "a callout"},
    {"(?&", "a subexpression call"},
    {"(?R", "a subexpression call"},
    {"(?P>", "a subexpression call"},
    {"(?P=", "a backreference"},
}};

bool IsLookOrAtomic(std::string_view group) {
  for (const std::string_view begin : {"(?=", "(?!", "(?<=", "(?<!", "(?>"}) {
    if (group.starts_with(begin)) return true;
  }
  return false;
}

struct Group {
  bool look_or_atomic = false;
  bool unbounded = false;  // holds an unbounded repetition
  // Holds a lookaround, an atomic group or a possessive repetition without bound, which can read
  // far and forget.
  bool rescans = false;
};

class Inspector {
 public:
  explicit Inspector(std::string_view pattern) : pattern_(pattern) {}

  RegexSafety Run() {
    groups_.push_back({});
    while (at_ < pattern_.size() && !safety_.refused) Step();
    return safety_;
  }

 private:
  void Step() {
    switch (pattern_[at_]) {
      case '\\':
        Escape();
        break;
      case '[':
        SkipClass();
        break;
      case '(':
        OpenGroup();
        return;
      case ')':
        CloseGroup();
        return;
      default:
        ++at_;
    }
    Repetitions({});
  }

  void Escape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    if (c == 'G') safety_.uses_search_start = true;
    if (c == 'g') safety_.refused = "a subexpression call";
    if (c == 'k' || (c >= '1' && c <= '9')) safety_.refused = "a backreference";
    // Reads a whole cluster or any rest of the text, as a group with a repetition would.
    if (c == 'X' || c == 'R') groups_.back().rescans = true;
    at_ = std::min(at_ + 2, pattern_.size());
    // The braces of \p{..}, \x{..}, \o{..} are no repetition.
    const bool has_braces = c == 'p' || c == 'P' || c == 'x' || c == 'o';
    if (has_braces && at_ < pattern_.size() && pattern_[at_] == '{') {
      at_ = std::min(pattern_.find('}', at_), pattern_.size() - 1) + 1;
    }
  }

  void SkipClass() {
    size_t depth = 0;
    do {
      const char c = pattern_[at_];
      if (c == '\\') ++at_;
      if (c == '[') ++depth;
      if (c == ']') --depth;
      ++at_;
    } while (depth > 0 && at_ < pattern_.size());
    at_ = std::min(at_, pattern_.size());
  }

  void OpenGroup() {
    const std::string_view rest = pattern_.substr(at_);
    for (const Refusal& refusal : kRefusedGroups) {
      if (rest.starts_with(refusal.begin)) safety_.refused = std::string(refusal.name);
    }
    if (groups_.size() > kMaxNesting) safety_.refused = "groups nested too deep";
    groups_.push_back({.look_or_atomic = IsLookOrAtomic(rest)});
    ++at_;
    if (at_ < pattern_.size() && pattern_[at_] == '?') ++at_;
  }

  void CloseGroup() {
    ++at_;
    Group group = groups_.back();
    if (groups_.size() > 1) groups_.pop_back();
    group.rescans |= group.look_or_atomic && group.unbounded;
    Repetitions(group);
    groups_.back().unbounded |= group.unbounded;
    groups_.back().rescans |= group.rescans;
  }

  // The repetitions that follow the atom or group just read.
  void Repetitions(const Group& group) {
    bool repeated = false;
    while (at_ < pattern_.size()) {
      const size_t length = RepetitionLength();
      if (length == 0) return;
      const bool unbounded = IsUnbounded(pattern_.substr(at_, length));
      at_ += length;
      groups_.back().unbounded |= unbounded;
      // The second + of a++ makes the first possessive.
      if (repeated && pattern_[at_ - 1] == '+') groups_.back().rescans = true;
      if (unbounded && group.rescans) {
        safety_.refused = "unbounded lookaround or atomic group inside a repeated group";
      }
      repeated = true;
    }
  }

  // Of the repetition that begins at at_; 0 if none does.
  size_t RepetitionLength() const {
    const char c = pattern_[at_];
    if (c == '*' || c == '+' || c == '?') return 1;
    if (c != '{') return 0;
    const size_t end = pattern_.find_first_not_of("0123456789,", at_ + 1);
    if (end == std::string_view::npos || pattern_[end] != '}') return 0;
    return end + 1 - at_;
  }

  static bool IsUnbounded(std::string_view repetition) {
    if (repetition[0] != '{') return repetition[0] != '?';
    const size_t comma = repetition.find(',');
    const std::string_view most = comma == std::string_view::npos
                                      ? repetition.substr(1, repetition.size() - 2)
                                      : repetition.substr(comma + 1, repetition.size() - comma - 2);
    int count = 0;
    const auto [end, error] = std::from_chars(most.data(), most.data() + most.size(), count);
    return error != std::errc() || end != most.data() + most.size() || count > kBoundedRepetition;
  }

  std::string_view pattern_;
  size_t at_ = 0;
  std::vector<Group> groups_;
  RegexSafety safety_;
};

}  // namespace

RegexSafety InspectRegex(std::string_view pattern) { return Inspector(pattern).Run(); }

}  // namespace trinity

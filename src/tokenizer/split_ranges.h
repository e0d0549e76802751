#pragma once

#include <cstddef>

#include "tokenizer/pre_tokenizer.h"

namespace trinity {

// Turns the matches in a piece into the ranges that a SplitRule makes of them. Matches are
// given in order; Emit(begin, end) is called for each range that is not empty.
template <typename Emit>
class SplitRanges {
 public:
  SplitRanges(SplitRule rule, Emit emit) : rule_(rule), emit_(emit) {}

  void AddMatch(size_t begin, size_t end) {
    if (done_ < begin) Add({done_, begin}, rule_.invert);
    Add({begin, end}, !rule_.invert);
    done_ = end;
  }

  void Finish(size_t piece_bytes) {
    if (done_ < piece_bytes) Add({done_, piece_bytes}, rule_.invert);
    Flush();
  }

 private:
  struct Range {
    size_t begin;
    size_t end;
  };

  void Add(Range range, bool is_match) {
    if (rule_.behavior == SplitBehavior::kRemoved && is_match) return;
    if (Joins(is_match)) {
      held_.end = range.end;
    } else {
      Flush();
      held_ = range;
    }
    last_is_match_ = is_match;
  }

  // Whether the next range belongs to the held one.
  bool Joins(bool is_match) const {
    switch (rule_.behavior) {
      case SplitBehavior::kContiguous:
        return is_match == last_is_match_;
      case SplitBehavior::kMergedWithPrevious:
        return is_match && !last_is_match_;
      case SplitBehavior::kMergedWithNext:
        return !is_match && last_is_match_;
      default:
        return false;
    }
  }

  void Flush() {
    if (held_.begin < held_.end) emit_(held_.begin, held_.end);
  }

  SplitRule rule_;
  Emit emit_;
  size_t done_ = 0;
  Range held_{0, 0};  // not emitted yet: the next one may join it
  bool last_is_match_ = false;
};

}  // namespace trinity

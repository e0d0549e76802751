#pragma once

#include <algorithm>
#include <cstdint>
#include <set>

namespace trinity {

// The lengths at which the state of a sequence is worth keeping.
class KeepPoints {
 public:
  void Add(int64_t length) { named_.insert(length); }
  // The first of them after `length`, counting every `every_tokens` as one.
  int64_t After(int64_t length, int64_t every_tokens) const {
    const int64_t regular = (length / every_tokens + 1) * every_tokens;
    const auto named = named_.upper_bound(length);
    return named == named_.end() ? regular : std::min(regular, *named);
  }

 private:
  std::set<int64_t> named_;
};

}  // namespace trinity

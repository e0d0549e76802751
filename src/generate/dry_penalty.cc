#include "generate/dry_penalty.h"

#include <algorithm>
#include <cmath>

namespace trinity {
namespace {

// Beyond any logit, and still finite as a float.
constexpr double kLargestPenalty = 1e30;

// How many of the newest tokens stand also before each older one: for distance i from the newest
// token, the length of the longest common beginning of the reversed window and of its part from i
// on (the Z function; Gusfield, "Algorithms on strings, trees and sequences", 1.4), in linear time.
void ComputeMatchLengths(std::span<const int32_t> window, std::vector<size_t>& lengths) {
  const size_t size = window.size();
  const auto reversed = [&](size_t i) { return window[size - 1 - i]; };
  lengths.assign(size, 0);
  size_t first = 0, end = 0;  // the match that reaches furthest
  for (size_t i = 1; i < size; ++i) {
    size_t length = i < end ? std::min(end - i, lengths[i - first]) : 0;
    while (i + length < size && reversed(length) == reversed(i + length)) ++length;
    lengths[i] = length;
    if (i + length > end) {
      first = i;
      end = i + length;
    }
  }
}

}  // namespace

DryPenalty::DryPenalty(const DryOptions& options) : options_(options) {
  for (size_t i = 0; i < options_.sequence_breakers.size(); ++i) {
    const std::vector<int32_t>& breaker = options_.sequence_breakers[i];
    if (breaker.size() == 1) {
      single_breakers_.insert(breaker.back());
    } else {
      breakers_ending_with_[breaker.back()].push_back(i);
    }
  }
}

bool DryPenalty::is_active() const {
  return options_.multiplier != 0 && options_.penalty_last_n.value_or(1) > 0;
}

void DryPenalty::CountLast(const TokenHistory& history) {
  if (!is_active()) return;
  const std::vector<int32_t>& ids = history.ids;
  const auto ends_with = [&](size_t breaker_index) {
    const std::vector<int32_t>& breaker = options_.sequence_breakers[breaker_index];
    return breaker.size() <= ids.size() &&
           std::equal(breaker.rbegin(), breaker.rend(), ids.rbegin());
  };
  bool is_broken = single_breakers_.count(ids.back()) > 0;
  const auto candidates = breakers_ending_with_.find(ids.back());
  if (!is_broken && candidates != breakers_ending_with_.end()) {
    is_broken = std::any_of(candidates->second.begin(), candidates->second.end(), ends_with);
  }
  num_after_breaker_ = is_broken ? 0 : num_after_breaker_ + 1;
}

std::unordered_map<int32_t, size_t> DryPenalty::FindProlongingTokens(const TokenHistory& history) {
  std::unordered_map<int32_t, size_t> longest;
  const auto allowed_length = static_cast<size_t>(options_.allowed_length);
  if (num_after_breaker_ < allowed_length) return longest;
  std::span<const int32_t> window = history.ids;
  const auto last_n = static_cast<size_t>(options_.penalty_last_n.value_or(INT64_MAX));
  if (window.size() > last_n) window = window.last(last_n);
  ComputeMatchLengths(window, match_lengths_);
  for (size_t i = 1; i < window.size(); ++i) {
    const size_t length = std::min(match_lengths_[i], num_after_breaker_);
    if (length < allowed_length) continue;
    size_t& known = longest[window[window.size() - i]];
    known = std::max(known, length);
  }
  return longest;
}

void DryPenalty::Apply(const TokenHistory& history, Candidates& candidates) {
  for (const auto& [id, length] : FindProlongingTokens(history)) {
    const std::optional<size_t> index = candidates.FindIndex(id);
    if (!index || single_breakers_.count(id) > 0) continue;
    const auto exponent =
        static_cast<double>(length) - static_cast<double>(options_.allowed_length);
    const double penalty = options_.multiplier * std::pow(options_.base, exponent);
    candidates.Lower(*index, std::min(penalty, kLargestPenalty));
  }
}

}  // namespace trinity

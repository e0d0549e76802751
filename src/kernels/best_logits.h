#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

// The indices of the `count` largest of `logits` (or of all, where there are fewer), the largest
// first, of equal ones the lowest index first. NaN counts as -infinity. Does not sort the rest: for
// a small count it takes one pass.
std::vector<int32_t> BestLogits(std::span<const float> logits, int64_t count);

// The largest of each kLogitBlock values of `logits`, the last block may be shorter; NaN counts as
// -infinity.
inline constexpr size_t kLogitBlock = 64;
void BlockMaxima(std::span<const float> logits, std::vector<float>& maxima);

}  // namespace trinity

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/dtype.h"

namespace trinity {

// Normally distributed values, fast: a table of the 65,536 midpoint quantiles of normal(mean,
// stddev), rounded to the dtype, and 16 random bits that choose an entry.
//
// What this gives: exactly symmetric about the mean before rounding; the standard deviation is
// `stddev` (the entries are scaled to it); no value lies beyond 4.4 stddev; at most 65,536
// different values. Value i of a stream is a function of (seed, stream, i) alone.
class NormalTable {
 public:
  // dtype: F32 or BF16.
  NormalTable(DType dtype, double mean, double stddev);

  // Writes values [first_value, first_value + bytes.size() / value size) of the stream to `bytes`.
  void Fill(uint64_t seed, uint64_t stream, int64_t first_value, std::span<std::byte> bytes) const;

  // One call of the random generator, 128 bits, makes this many values.
  static constexpr int64_t kValuesABlock = 8;

 private:
  DType dtype_;
  std::vector<float> floats_;        // [65536] where dtype_ is F32
  std::vector<uint16_t> bfloat16s_;  // [65536] where dtype_ is BF16
};

}  // namespace trinity

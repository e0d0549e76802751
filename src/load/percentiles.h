#pragma once

#include <cstddef>
#include <vector>

namespace trinity {

// What is said of many measured values.
struct Percentiles {
  size_t count = 0;
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
};

// By nearest rank: p90 is the smallest of the values that at least 90% of them do not exceed. No
// values: all 0.
Percentiles PercentilesOf(std::vector<double> values);

}  // namespace trinity

#include "load/percentiles.h"

#include <algorithm>
#include <numeric>

namespace trinity {
namespace {

double ValueAt(const std::vector<double>& sorted, size_t percent) {
  const size_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<size_t>(rank, 1) - 1];
}

}  // namespace

Percentiles PercentilesOf(std::vector<double> values) {
  Percentiles out;
  if (values.empty()) return out;
  std::sort(values.begin(), values.end());
  out.count = values.size();
  out.mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  out.p50 = ValueAt(values, 50);
  out.p90 = ValueAt(values, 90);
  out.p99 = ValueAt(values, 99);
  out.max = values.back();
  return out;
}

}  // namespace trinity

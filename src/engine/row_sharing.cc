#include "engine/row_sharing.h"

#include <algorithm>
#include <numeric>

namespace trinity {

std::vector<int64_t> ShareRows(std::span<const RowDemand> demands, int64_t step_rows,
                               int64_t prefill_rows) {
  std::vector<int64_t> rows(demands.size(), 0);
  std::vector<size_t> prefills;
  for (size_t i = 0; i < demands.size(); ++i) {
    if (demands[i].num_rows > 1) {
      prefills.push_back(i);
    } else if (demands[i].num_rows == 1 && step_rows > 0) {
      rows[i] = 1;
      --step_rows;
    }
  }
  int64_t left = std::min(step_rows, prefill_rows);
  const auto give = [&](size_t i, int64_t most) {
    const int64_t wanted = std::min(demands[i].num_rows, demands[i].most_rows) - rows[i];
    const int64_t given = std::min({wanted, most, left});
    rows[i] += given;
    left -= given;
  };
  if (prefills.empty()) return rows;
  give(prefills.front(), (left + 3) / 4);
  std::stable_sort(prefills.begin(), prefills.end(), [&](size_t a, size_t b) {
    if (demands[a].priority != demands[b].priority) {
      return demands[a].priority > demands[b].priority;
    }
    return demands[a].num_rows < demands[b].num_rows;
  });
  for (const size_t i : prefills) give(i, left);
  return rows;
}

}  // namespace trinity

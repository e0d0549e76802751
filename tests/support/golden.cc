#include "tests/support/golden.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace trinity {

std::vector<int32_t> GoldenIds(const Checkpoint& golden, int64_t sequence) {
  const std::vector<int64_t> all = ReadTensor<int64_t>(golden, "input_ids");
  const int64_t length = golden.Find("input_ids")->shape[1];
  const auto first = all.begin() + sequence * length;
  return {first, first + length};
}

std::vector<float> RunModel(const Model& model, std::span<const int32_t> ids,
                            const RunOptions& options) {
  KvPools pools(model.config(), options.kv_dtype, FreedPages::kFillWithNan);
  KvCache cache(pools);
  Activations activations;
  std::vector<float> logits;
  const auto num_ids = static_cast<int64_t>(ids.size());
  for (int64_t first = 0; first < num_ids; first += options.chunk) {
    const int64_t count = std::min(options.chunk, num_ids - first);
    Step step;
    step.Add(cache, ids.subspan(static_cast<size_t>(first), static_cast<size_t>(count)), count);
    model.Forward(step, activations);
    logits.insert(logits.end(), activations.logits.data(),
                  activations.logits.data() + count * model.config().vocab_size);
  }
  return logits;
}

double LargestDifference(std::span<const float> a, std::span<const float> b) {
  TRINITY_CHECK(a.size() == b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace trinity

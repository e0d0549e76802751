#include "tests/support/golden.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

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
  KvPools pools(model.kv_shape(), options.kv_dtype, FreedPages::kFillWithNan);
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

std::vector<std::vector<float>> RunSideBySide(const Model& model,
                                              std::span<const PacedSequence> sequences) {
  const int64_t vocab_size = model.config().vocab_size;
  KvPools pools(model.kv_shape(), DType::kF32, FreedPages::kFillWithNan);
  std::vector<std::unique_ptr<KvCache>> caches;
  for (size_t i = 0; i < sequences.size(); ++i) caches.push_back(std::make_unique<KvCache>(pools));
  std::vector<std::vector<float>> logits(sequences.size());
  Activations activations;
  while (true) {
    Step step;
    std::vector<size_t> owners;  // of the step's rows
    for (size_t i = 0; i < sequences.size(); ++i) {
      const PacedSequence& sequence = sequences[i];
      const int64_t done = caches[i]->length();
      const int64_t left = static_cast<int64_t>(sequence.ids.size()) - done;
      const int64_t count = std::min(sequence.chunk, left);
      if (count == 0) continue;
      step.Add(*caches[i], std::span(sequence.ids).subspan(done, count), count);
      owners.insert(owners.end(), static_cast<size_t>(count), i);
    }
    if (owners.empty()) return logits;
    model.Forward(step, activations);
    for (size_t row = 0; row < owners.size(); ++row) {
      const float* of_row = activations.logits.Row(static_cast<int64_t>(row));
      std::vector<float>& all = logits[owners[row]];
      all.insert(all.end(), of_row, of_row + vocab_size);
    }
  }
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

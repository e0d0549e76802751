#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/model.h"
#include "tests/support/paths.h"

namespace trinity {

// The cases under tests/data/goldens that have a model and a golden of transformers.
inline const std::vector<std::string>& GoldenCases() {
  static const std::vector<std::string> cases = {
      "base",          "all_dense",  "irregular_layers", "long", "mha_two_shared", "no_mup",
      "no_route_norm", "rope_theta", "softmax_router",   "tied", "tp_awkward"};
  return cases;
}

inline std::string GoldenFolder(const std::string& name) { return TestData("goldens/" + name); }

// All values of a tensor of a checkpoint file; T is the type of its dtype.
template <typename T>
std::vector<T> ReadTensor(const Checkpoint& file, const std::string& name) {
  const TensorInfo& tensor = *file.Find(name);
  std::vector<T> values(static_cast<size_t>(tensor.num_values()));
  file.ReadAt(tensor, 0, std::as_writable_bytes(std::span(values)));
  return values;
}

// Token ids of one sequence of a golden.
std::vector<int32_t> GoldenIds(const Checkpoint& golden, int64_t sequence);

// Logits [tokens, vocab_size] of all tokens of one sequence, computed in chunks.
struct RunOptions {
  int64_t chunk = 1 << 20;
  DType kv_dtype = DType::kF32;
};
std::vector<float> RunModel(const Model& model, std::span<const int32_t> ids,
                            const RunOptions& options = {});

// A sequence of which a step takes at most `chunk` tokens.
struct PacedSequence {
  std::vector<int32_t> ids;
  int64_t chunk = 1;
};
// The same of each of several sequences that advance side by side in the same steps, in float32.
std::vector<std::vector<float>> RunSideBySide(const Model& model,
                                              std::span<const PacedSequence> sequences);

// The largest difference of two equally long rows of values; NaN counts as infinite.
double LargestDifference(std::span<const float> a, std::span<const float> b);

}  // namespace trinity

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/dtype.h"
#include "model/model.h"

namespace trinity {

struct DocumentRequest {
  // Texts of at least one token each, without special tokens; ids below vocab_size.
  std::span<const std::vector<int32_t>> documents;
  int32_t first_id = 0;   // stands before each text and is not scored: BOS
  int64_t context = 512;  // tokens that are computed together at most, at least 2
  DType kv_dtype = DType::kF32;
  std::function<void(int64_t done, int64_t all)> on_progress;  // documents
};

struct DocumentLikelihood {
  int64_t num_tokens = 0;
  double log_likelihood = 0;  // of all of them, natural logarithm
};

// The log likelihood of each text by itself: the sum over its tokens, ascending, of what LogSoftmax
// says. Texts that do not fit the context are cut into windows as lm-eval cuts them: each token is
// predicted once, the first of a window from the token before it, and the last window reaches as
// far back as it has room; the sums of the windows are added in their order.
std::vector<DocumentLikelihood> ScoreDocuments(const Model& model, const DocumentRequest& request);

}  // namespace trinity

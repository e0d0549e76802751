#include "measure/document_likelihood.h"

#include <algorithm>

#include "base/check.h"
#include "generate/token_logprobs.h"
#include "measure/window_logits.h"

namespace trinity {
namespace {

// The sum over the last `num_scored` of `ids`.
double LikelihoodOf(std::span<const int32_t> ids, int64_t num_scored, WindowLogits& window_logits) {
  const auto size = static_cast<int64_t>(ids.size());
  std::vector<double> logprobs(ids.size());
  window_logits.ForEachRow(ids.first(ids.size() - 1),
                           [&](int64_t position, std::span<const float> logits, int) {
                             const auto next = static_cast<size_t>(position) + 1;
                             if (position + 1 < size - num_scored) return;
                             logprobs[next] = LogSoftmax(logits).At(ids[next]);
                           });
  double sum = 0;
  for (int64_t i = size - num_scored; i < size; ++i) sum += logprobs[static_cast<size_t>(i)];
  return sum;
}

}  // namespace

std::vector<DocumentLikelihood> ScoreDocuments(const Model& model, const DocumentRequest& request) {
  TRINITY_CHECK(request.context >= 2);
  WindowLogits window_logits(model, request.kv_dtype, request.context - 1);
  std::vector<DocumentLikelihood> found;
  for (const std::vector<int32_t>& document : request.documents) {
    std::vector<int32_t> ids = {request.first_id};
    ids.insert(ids.end(), document.begin(), document.end());
    const auto size = static_cast<int64_t>(ids.size());
    DocumentLikelihood likelihood;
    for (int64_t scored = 1; scored < size;) {
      const int64_t end = std::min(size, scored + request.context - 1);
      const int64_t begin = std::max<int64_t>(0, end - request.context);
      const auto window =
          std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
      likelihood.log_likelihood += LikelihoodOf(window, end - scored, window_logits);
      likelihood.num_tokens += end - scored;
      scored = end;
    }
    found.push_back(likelihood);
    if (request.on_progress) {
      request.on_progress(static_cast<int64_t>(found.size()),
                          static_cast<int64_t>(request.documents.size()));
    }
  }
  return found;
}

}  // namespace trinity

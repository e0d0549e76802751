#include "measure/prompt_check.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "generate/session.h"
#include "kernels/best_logits.h"
#include "kernels/elementwise.h"
#include "measure/forward_trace.h"
#include "measure/logit_digest.h"

namespace trinity {
namespace {

constexpr int64_t kNumBest = 5;
constexpr size_t kNumGreedy = 5;

// The digests of the logits after each of `ids`.
std::vector<uint64_t> DigestsOf(const Model& model, std::span<const int32_t> ids,
                                int64_t prefill_chunk, bool& is_finite) {
  std::vector<uint64_t> digests;
  TraceRequest request;
  request.sequences = {ids};
  request.prefill_chunk = prefill_chunk;
  TraceObserver observer;
  observer.on_logits = [&](const TracedToken&, std::span<const float> logits) {
    digests.push_back(LogitDigest(logits));
    is_finite = is_finite && std::all_of(logits.begin(), logits.end(),
                                         [](float logit) { return std::isfinite(logit); });
  };
  TraceForward(model, request, observer);
  return digests;
}

}  // namespace

PromptReport CheckPrompt(const Model& model, const Tokenizer& tokenizer, std::string_view prompt,
                         const VerifyOptions& options) {
  PromptReport report;
  report.prompt = prompt;
  report.prompt_ids = tokenizer.Encode(prompt, SpecialTokens::kAdd);
  // Rows of the head beyond the tokenizer's tokens are padding.
  const auto num_tokens =
      static_cast<size_t>(std::min<int64_t>(model.config().vocab_size, tokenizer.num_tokens()));

  CancelToken never;
  KvPools pools(model.kv_shape(), DType::kF32);
  Session session(model, pools, {options.prefill_chunk, std::nullopt});
  std::span<const float> logits = session.Append(report.prompt_ids, never).first(num_tokens);
  for (const int32_t id : BestLogits(logits, kNumBest)) {
    report.best.push_back({id, logits[static_cast<size_t>(id)]});
  }
  std::vector<int32_t> ids = report.prompt_ids;
  while (true) {
    const auto best =
        static_cast<int32_t>(ArgMax(logits.data(), static_cast<int64_t>(logits.size())));
    report.greedy.push_back(best);
    if (report.greedy.size() == kNumGreedy) break;
    ids.push_back(best);
    logits = session.Append({&best, 1}, never).first(num_tokens);
  }
  report.decode_is_prefill = DigestsOf(model, ids, options.prefill_chunk, report.is_finite) ==
                             DigestsOf(model, ids, /*prefill_chunk=*/1, report.is_finite);
  return report;
}

}  // namespace trinity

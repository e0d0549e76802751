#include "generate/generator.h"

#include <algorithm>
#include <chrono>

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::string_view NameOf(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "";
}

GenerationResult Generate(Session& session, const GenerationRequest& request,
                          const TokenCallback& on_token, const CancelToken& cancel) {
  GenerationResult result;
  Sampler sampler(request.sampling, request.num_tokens);
  const auto is_stop = [&](int32_t id) {
    return std::find(request.stop_ids.begin(), request.stop_ids.end(), id) !=
           request.stop_ids.end();
  };
  const Clock::time_point prefill_start = Clock::now();
  std::span<const float> logits = session.Append(request.prompt_ids, cancel);
  result.prefill_s = SecondsSince(prefill_start);

  const Clock::time_point decode_start = Clock::now();
  while (true) {
    if (logits.empty() || cancel.is_cancelled()) {
      result.finish_reason = FinishReason::kCancelled;
      break;
    }
    const auto num_picked = static_cast<int64_t>(result.token_ids.size());
    if (request.max_tokens && num_picked >= *request.max_tokens) break;
    const int32_t id = sampler.Pick(logits, session.length());
    if (is_stop(id)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    result.token_ids.push_back(id);
    on_token(id);
    const bool is_last = request.max_tokens && num_picked + 1 >= *request.max_tokens;
    if (is_last || session.length() >= session.max_context()) break;
    logits = session.Append({&id, 1}, cancel);
    ++result.num_decode_steps;
  }
  result.decode_s = SecondsSince(decode_start);
  return result;
}

}  // namespace trinity

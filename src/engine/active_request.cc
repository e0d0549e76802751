#include "engine/active_request.h"

#include <utility>

namespace trinity {
namespace {

double Seconds(ActiveRequest::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

ActiveRequest::ActiveRequest(RequestId request_id, EngineRequest engine_request,
                             std::shared_ptr<RequestListener> request_listener,
                             const Tokenizer& tokenizer)
    : id(request_id),
      request(std::move(engine_request)),
      listener(std::move(request_listener)),
      num_unfinished(request.num_answers),
      observation(request) {
  for (int64_t answer = 0; answer < request.num_answers; ++answer) {
    sequences.push_back(std::make_unique<Sequence>(*this, answer, tokenizer));
  }
  usage.num_prompt_tokens = num_prompt_ids();
}

void ActiveRequest::End() {
  const Clock::time_point end = Clock::now();
  const Clock::time_point began = begin.value_or(end);
  const Clock::time_point answered = first_token.value_or(end);
  usage.queued_s = Seconds(began - arrival);
  usage.prefill_s = Seconds(answered - began);
  usage.decode_s = Seconds(end - answered);
  listener->OnEnd(usage);
}

}  // namespace trinity

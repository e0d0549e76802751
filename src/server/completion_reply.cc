#include "server/completion_reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "engine/refusal_kinds.h"
#include "server/api_error.h"
#include "server/event_collector.h"
#include "server/logprobs_json.h"

namespace trinity {
namespace {

constexpr const char* kHeartbeat = ": still here\n\n";
constexpr const char* kDone = "data: [DONE]\n\n";

// The beginning of logprobs that were computed with more entries than asked for here.
std::vector<TokenLogprobs> WithTop(std::vector<TokenLogprobs> logprobs, int64_t num_top) {
  for (TokenLogprobs& token : logprobs) {
    token.top.resize(std::min(token.top.size(), static_cast<size_t>(num_top)));
  }
  return logprobs;
}

}  // namespace

CompletionReply::CompletionReply(std::shared_ptr<HttpExchange> exchange,
                                 std::shared_ptr<RequestRecord> record, const Tokenizer& tokenizer,
                                 Plan plan)
    : exchange_(std::move(exchange)),
      record_(std::move(record)),
      plan_(std::move(plan)),
      prompt_logprobs_(plan_.requests.size()),
      num_open_(plan_.requests.size()),
      tokenizer_(tokenizer) {
  for (const EngineRequest& request : plan_.requests) {
    if (plan_.echoes) prompt_ids_.push_back(request.text.tokens.prompt_ids);
    for (int64_t answer = 0; answer < request.num_answers; ++answer) {
      const auto index = static_cast<int64_t>(builders_.size());
      builders_.emplace_back(tokenizer_, index, plan_.shape);
      choices_.emplace_back().index = index;
    }
  }
  has_begun_.resize(builders_.size());
}

void CompletionReply::Start(Engine& engine, TaskQueue& deliveries) {
  const std::lock_guard<std::mutex> lock(mutex_);
  engine_ = &engine;
  // The engine holds the collector until the last event.
  const auto collector = std::make_shared<EventCollector>(
      deliveries,
      [self = shared_from_this()](const std::vector<EngineEvent>& events) { self->Take(events); });
  try {
    for (size_t i = 0; i < plan_.requests.size(); ++i) {
      ids_.push_back(engine.Submit(std::move(plan_.requests[i]),
                                   collector->ListenerOf(static_cast<int64_t>(i))));
    }
  } catch (...) {
    const bool is_chat = plan_.identity.kind == ReplyKind::kChat;
    Fail(CurrentApiError(is_chat ? "messages" : "prompt"));
    return;
  }
  if (plan_.streams) {
    HttpResponse head{
        200, {{"Content-Type", "text/event-stream; charset=utf-8"}, {"Cache-Control", "no-cache"}}};
    head.headers.insert(head.headers.end(), plan_.headers.begin(), plan_.headers.end());
    exchange_->BeginStream(std::move(head), kHeartbeat);
  }
  exchange_->OnDisconnect([engine = engine_, ids = ids_] {
    for (const RequestId id : ids) engine->Cancel(id);
  });
  if (plan_.echoes && !plan_.num_echo_logprobs) {
    for (size_t i = 0; i < prompt_ids_.size(); ++i) EchoPrompt(static_cast<int64_t>(i), {});
  }
}

void CompletionReply::Take(const std::vector<EngineEvent>& events) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const EngineEvent& event : events) {
    if (is_over_) return;
    std::visit([&](const auto& what) { TakeOne(event.prompt_index, what); }, event.what);
  }
  if (plan_.streams && !events_.empty()) exchange_->Write(std::exchange(events_, {}));
}

void CompletionReply::TakeOne(int64_t, const PrefillProgress& progress) {
  if (!plan_.streams) return;
  events_ += fmt::format(": prompt: {} of {} tokens, {} of them cached\n\n", progress.num_done,
                         progress.num_total, progress.num_cached);
}

void CompletionReply::TakeOne(int64_t prompt, const std::vector<TokenLogprobs>& logprobs) {
  if (plan_.echoes && plan_.num_echo_logprobs) {
    EchoPrompt(prompt, WithTop(logprobs, *plan_.num_echo_logprobs));
  }
  if (plan_.num_prompt_logprobs) {
    prompt_logprobs_[static_cast<size_t>(prompt)] =
        PromptLogprobsJson(WithTop(logprobs, *plan_.num_prompt_logprobs), tokenizer_);
  }
}

void CompletionReply::TakeOne(int64_t, const std::vector<float>&) {}

void CompletionReply::TakeOne(int64_t prompt, const TokenEvent& event) {
  Put(builders_[ChoiceIndex(prompt, event.answer)].Append(event));
}

void CompletionReply::TakeOne(int64_t prompt, const AnswerEndEvent& event) {
  Put(builders_[ChoiceIndex(prompt, event.answer)].Finish(event));
  record_->Update([&](RequestRecord::Facts& facts) { facts.finish = NameOf(event.reason); });
}

void CompletionReply::TakeOne(int64_t, const RequestUsage& usage) {
  usage_.num_prompt_tokens += usage.num_prompt_tokens;
  usage_.num_cached_tokens += usage.num_cached_tokens;
  usage_.num_answer_tokens += usage.num_answer_tokens;
  times_.queued_s = std::max(times_.queued_s, usage.queued_s);
  times_.prefill_s = std::max(times_.prefill_s, usage.prefill_s);
  times_.decode_s = std::max(times_.decode_s, usage.decode_s);
  record_->Update([&](RequestRecord::Facts& facts) {
    facts.usage = usage_;
    facts.times = times_;
    const std::string_view miss = NameOf(usage.miss.reason);
    if (facts.miss.find(miss) == facts.miss.npos) {
      facts.miss += (facts.miss.empty() ? "" : ", ") + std::string(miss);
    }
  });
  if (--num_open_ == 0) Finish();
}

void CompletionReply::TakeOne(int64_t, const FailureEvent& failure) { Fail(ApiErrorOf(failure)); }

size_t CompletionReply::ChoiceIndex(int64_t prompt, int64_t answer) const {
  const size_t num_answers = builders_.size() / prompt_logprobs_.size();
  return static_cast<size_t>(prompt) * num_answers + static_cast<size_t>(answer);
}

void CompletionReply::EchoPrompt(int64_t prompt, const std::vector<TokenLogprobs>& logprobs) {
  const size_t num_answers = builders_.size() / prompt_logprobs_.size();
  for (size_t answer = 0; answer < num_answers; ++answer) {
    ChoiceBuilder& builder = builders_[ChoiceIndex(prompt, static_cast<int64_t>(answer))];
    Put(builder.Echo(prompt_ids_[static_cast<size_t>(prompt)], logprobs));
  }
}

void CompletionReply::Put(const ChoiceDelta& delta) {
  const auto index = static_cast<size_t>(delta.index);
  if (!plan_.streams) return AddDelta(delta, choices_[index]);
  if (plan_.identity.kind == ReplyKind::kChat && !has_begun_[index]) {
    has_begun_[index] = true;
    PutEvent(RenderRoleChunk(plan_.identity, delta.index));
  }
  const bool is_empty = delta.content.empty() && delta.reasoning.empty() &&
                        delta.chat_logprobs.empty() && delta.text_logprobs.is_null() &&
                        delta.token_ids.empty() && !delta.finish_reason;
  if (!is_empty) PutEvent(RenderChunk(plan_.identity, delta));
}

void CompletionReply::PutEvent(const Json& json) { events_ += "data: " + JsonText(json) + "\n\n"; }

void CompletionReply::Finish() {
  is_over_ = true;
  if (plan_.streams) {
    if (plan_.includes_usage) PutEvent(RenderUsageChunk(plan_.identity, usage_, times_));
    exchange_->Write(std::exchange(events_, {}) + kDone);
    exchange_->EndStream();
    return;
  }
  Json json = RenderReply(plan_.identity, choices_, usage_, times_);
  if (plan_.num_prompt_logprobs) {
    if (plan_.identity.kind == ReplyKind::kChat) {
      json["prompt_logprobs"] = prompt_logprobs_[0];
    } else {
      for (size_t i = 0; i < choices_.size(); ++i) {
        const size_t prompt = i * prompt_logprobs_.size() / choices_.size();
        json["choices"][i]["prompt_logprobs"] = prompt_logprobs_[prompt];
      }
    }
  }
  HttpResponse response{200, {{"Content-Type", "application/json"}}, JsonText(json)};
  response.headers.insert(response.headers.end(), plan_.headers.begin(), plan_.headers.end());
  exchange_->Respond(std::move(response));
}

void CompletionReply::Fail(const ApiError& error) {
  is_over_ = true;
  record_->Update([&](RequestRecord::Facts& facts) { facts.finish = error.what(); });
  // The head of a stream has gone out with the first prompts; then the error is its last event.
  if (plan_.streams && ids_.size() == prompt_logprobs_.size()) {
    exchange_->Write(std::exchange(events_, {}) + "data: " + ErrorJson(error) + "\n\n" + kDone);
    exchange_->EndStream();
  } else {
    HttpResponse response = ErrorResponse(error);
    response.headers.insert(response.headers.end(), plan_.headers.begin(), plan_.headers.end());
    exchange_->Respond(std::move(response));
  }
  for (const RequestId id : ids_) engine_->Cancel(id);
}

}  // namespace trinity

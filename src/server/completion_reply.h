#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "server/api_error.h"
#include "server/choice_builder.h"
#include "server/engine_event.h"
#include "server/http_exchange.h"
#include "server/reply_json.h"
#include "server/request_record.h"
#include "server/task_queue.h"

namespace trinity {

// A request of a completions API on its way through the engine, and the answer to its exchange.
class CompletionReply : public std::enable_shared_from_this<CompletionReply> {
 public:
  struct Plan {
    ReplyIdentity identity;
    ChoiceBuilder::Shape shape;
    HttpHeaders headers;                  // beside Content-Type
    std::vector<EngineRequest> requests;  // one a prompt, each with as many answers
    bool streams = false;
    bool includes_usage = false;
    bool echoes = false;
    std::optional<int64_t> num_echo_logprobs = {};
    std::optional<int64_t> num_prompt_logprobs = {};
  };

  // Tokenizer and engine must outlive the exchange.
  CompletionReply(std::shared_ptr<HttpExchange> exchange, std::shared_ptr<RequestRecord> record,
                  const Tokenizer& tokenizer, Plan plan);

  // Hands the prompts to the engine. Refusals of the engine are answered; throws nothing.
  void Start(Engine& engine, TaskQueue& deliveries);

 private:
  void Take(const std::vector<EngineEvent>& events);
  void TakeOne(int64_t prompt, const PrefillProgress& progress);
  void TakeOne(int64_t prompt, const std::vector<TokenLogprobs>& logprobs);
  void TakeOne(int64_t prompt, const std::vector<float>& mean);
  void TakeOne(int64_t prompt, const TokenEvent& event);
  void TakeOne(int64_t prompt, const AnswerEndEvent& event);
  void TakeOne(int64_t prompt, const RequestUsage& usage);
  void TakeOne(int64_t prompt, const FailureEvent& failure);

  size_t ChoiceIndex(int64_t prompt, int64_t answer) const;
  void EchoPrompt(int64_t prompt, const std::vector<TokenLogprobs>& logprobs);
  void Put(const ChoiceDelta& delta);
  void PutEvent(const Json& json);
  void Finish();
  void Fail(const ApiError& error);

  std::shared_ptr<HttpExchange> exchange_;
  std::shared_ptr<RequestRecord> record_;
  Plan plan_;
  std::vector<std::vector<int32_t>> prompt_ids_;  // where they are echoed
  Engine* engine_ = nullptr;

  std::mutex mutex_;  // guards what follows
  std::vector<RequestId> ids_;
  std::vector<ChoiceBuilder> builders_;
  std::vector<bool> has_begun_;       // whether the role was sent, by choice
  std::vector<ChoiceDelta> choices_;  // of whole replies
  std::vector<Json> prompt_logprobs_;
  ReplyUsage usage_;
  ReplyTimes times_;
  size_t num_open_;  // prompts
  bool is_over_ = false;
  std::string events_;  // not written yet
  const Tokenizer& tokenizer_;
};

}  // namespace trinity

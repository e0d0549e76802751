#include "server/event_collector.h"

#include <utility>

namespace trinity {

class EventCollector::Listener final : public RequestListener {
 public:
  Listener(std::shared_ptr<EventCollector> collector, int64_t prompt_index)
      : collector_(std::move(collector)), prompt_index_(prompt_index) {}

  void OnPrefill(const PrefillProgress& progress) override { Push(progress); }
  void OnPromptLogprobs(std::span<const TokenLogprobs> logprobs) override {
    Push(std::vector<TokenLogprobs>(logprobs.begin(), logprobs.end()));
  }
  void OnEmbedding(std::span<const float> mean) override {
    Push(std::vector<float>(mean.begin(), mean.end()));
  }
  void OnToken(const AnswerToken& token) override {
    TokenEvent event{token.answer, token.id, {}, std::string(token.text)};
    if (token.logprobs != nullptr) event.logprobs = *token.logprobs;
    Push(std::move(event));
  }
  void OnAnswerEnd(const AnswerEnd& end) override {
    AnswerEndEvent event{end.answer, end.reason, end.stop_string, std::string(end.text)};
    if (end.stop_logprobs != nullptr) event.stop_logprobs = *end.stop_logprobs;
    Push(std::move(event));
  }
  void OnEnd(const RequestUsage& usage) override { Push(usage); }
  void OnFailure(RequestFailure failure, const std::string& message) override {
    Push(FailureEvent{failure, message});
  }

 private:
  template <class What>
  void Push(What what) {
    collector_->Push({prompt_index_, std::move(what)});
  }

  std::shared_ptr<EventCollector> collector_;
  int64_t prompt_index_;
};

std::shared_ptr<RequestListener> EventCollector::ListenerOf(int64_t prompt_index) {
  return std::make_shared<Listener>(shared_from_this(), prompt_index);
}

void EventCollector::Push(EngineEvent event) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    events_.push_back(std::move(event));
    if (std::exchange(is_posted_, true)) return;
  }
  tasks_.Post([self = shared_from_this()] { self->Deliver(); });
}

void EventCollector::Deliver() {
  while (true) {
    std::vector<EngineEvent> events;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (events_.empty()) {
        is_posted_ = false;
        return;
      }
      events.swap(events_);
    }
    take_(std::move(events));
  }
}

}  // namespace trinity

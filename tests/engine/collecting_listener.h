#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/request_listener.h"

namespace trinity {

// What was heard of an answer.
struct HeardAnswer {
  std::vector<int32_t> ids;
  std::vector<TokenLogprobs> logprobs;
  std::string text;
  std::optional<FinishReason> reason;
  std::optional<std::string> stop_string;
};

// Keeps all that an engine tells of a request, and checks the order of it: nothing after the last
// call, nothing of an answer after its end.
class CollectingListener : public RequestListener {
 public:
  void OnPrefill(const PrefillProgress& progress) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    progress_.push_back(progress);
    changed_.notify_all();
  }
  void OnPromptLogprobs(std::span<const TokenLogprobs> logprobs) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    prompt_logprobs.assign(logprobs.begin(), logprobs.end());
  }
  void OnEmbedding(std::span<const float> mean) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    embedding.assign(mean.begin(), mean.end());
  }
  void OnToken(const AnswerToken& token) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    HeardAnswer& answer = answers[token.answer];
    if (answer.reason) ++num_faults;
    answer.ids.push_back(token.id);
    if (token.logprobs != nullptr) answer.logprobs.push_back(*token.logprobs);
    answer.text += token.text;
    changed_.notify_all();
  }
  void OnAnswerEnd(const AnswerEnd& end) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    HeardAnswer& answer = answers[end.answer];
    if (answer.reason) ++num_faults;
    answer.text += end.text;
    answer.reason = end.reason;
    answer.stop_string = end.stop_string;
  }
  void OnEnd(const RequestUsage& end_usage) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    usage = end_usage;
    changed_.notify_all();
  }
  void OnFailure(RequestFailure kind, const std::string& message) override {
    const std::scoped_lock lock(mutex_);
    CheckOpen();
    failure = std::pair(kind, message);
    changed_.notify_all();
  }

  bool has_ended() const { return usage || failure; }
  void WaitForEnd() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return has_ended(); });
  }
  // Until answer 0 has so many tokens, or the request has ended.
  void WaitForTokens(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return has_ended() || answers[0].ids.size() >= count; });
  }
  void WaitForPrefill() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return has_ended() || !progress_.empty(); });
  }

  // To be read after the end.
  std::map<int64_t, HeardAnswer> answers;
  std::vector<TokenLogprobs> prompt_logprobs;
  std::vector<float> embedding;
  std::optional<RequestUsage> usage;
  std::optional<std::pair<RequestFailure, std::string>> failure;
  const std::vector<PrefillProgress>& progress() const { return progress_; }
  int num_faults = 0;

 private:
  void CheckOpen() {
    if (has_ended()) ++num_faults;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<PrefillProgress> progress_;
};

}  // namespace trinity

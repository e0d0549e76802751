#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/refusal_kinds.h"
#include "engine/scheduler.h"
#include "generate/text_generation.h"
#include "tests/engine/collecting_listener.h"
#include "tests/support/golden.h"

namespace trinity {

// A small model with a scheduler over it that the test itself drives, step by step. Pages that are
// given back are filled with NaN.
class ScheduledModel {
 public:
  explicit ScheduledModel(const std::string& folder, int num_threads = 1,
                          const LoadOptions& options = {})
      : tokenizer_(Tokenizer::Load(PicoFolder())),
        pool_(num_threads),
        model_(Model::Load(Checkpoint::Open(folder), pool_, options)) {}

  // Begins anew with these options.
  void Begin(const EngineOptions& options) {
    scheduler_ = std::make_unique<Scheduler>(
        model_->config(), options,
        [this](const Step& step, Activations& a) { model_->Forward(step, a); },
        FreedPages::kFillWithNan);
  }

  Scheduler& scheduler() { return *scheduler_; }
  const Model& model() const { return *model_; }
  int64_t num_tokens() const { return model_->config().vocab_size; }
  RequestId last_id() const { return last_id_; }

  std::shared_ptr<CollectingListener> Add(const EngineRequest& request) {
    ValidateRequest(request, num_tokens(), scheduler_->max_context());
    auto listener = std::make_shared<CollectingListener>();
    scheduler_->Add(std::make_unique<ActiveRequest>(++last_id_, request, listener, tokenizer_));
    return listener;
  }
  void RunAll() {
    while (scheduler_->has_work()) scheduler_->RunStep();
  }
  std::shared_ptr<CollectingListener> Run(const EngineRequest& request) {
    auto listener = Add(request);
    RunAll();
    return listener;
  }

  // What the answer to a request is with nobody beside it and nothing kept.
  TextGenerationResult Alone(const EngineRequest& request, int64_t answer = 0) const {
    KvPools pools(model_->config(), DType::kF32, FreedPages::kFillWithNan);
    Session session(*model_, pools, {.max_context = scheduler_->max_context()});
    TextGenerationRequest text = request.text;
    text.tokens.sampling.seed = SeedOfAnswer(text.tokens.sampling.seed, answer);
    return GenerateText(
        session, tokenizer_, text, [](std::string_view) {}, CancelToken());
  }

  // Prompts of random tokens, continued greedily unless the test says otherwise.
  EngineRequest Asking(std::vector<int32_t> prompt_ids, int64_t max_tokens) const {
    EngineRequest request;
    request.text.tokens.prompt_ids = std::move(prompt_ids);
    request.text.tokens.max_tokens = max_tokens;
    request.text.tokens.num_tokens = num_tokens();
    request.text.tokens.num_logprobs = 2;
    return request;
  }

 private:
  Tokenizer tokenizer_;
  ThreadPool pool_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Scheduler> scheduler_;
  RequestId last_id_ = 0;
};

// The model whose windows are passed many times: 64 tokens, of 4096.
inline ScheduledModel& LongModel() {
  static ScheduledModel model(GoldenFolder("long"));
  return model;
}

// The bundled checkpoint, computed in float32 and in bfloat16.
inline ScheduledModel& PicoModel() {
  static ScheduledModel model(PicoFolder(), 2);
  return model;
}
inline ScheduledModel& BFloat16PicoModel() {
  static ScheduledModel model(PicoFolder(), 2, {.compute = ComputeMode::kBF16});
  return model;
}

inline bool operator==(const TokenLogprob& a, const TokenLogprob& b) {
  return a.id == b.id && a.logprob == b.logprob;
}
inline bool operator==(const TokenLogprobs& a, const TokenLogprobs& b) {
  return a.picked == b.picked && a.top == b.top;
}

// To the bit.
inline bool IsSame(const HeardAnswer& heard, const TextGenerationResult& alone) {
  return heard.ids == alone.tokens.token_ids && heard.logprobs == alone.tokens.logprobs &&
         heard.text == alone.text && heard.reason == alone.tokens.finish_reason &&
         heard.stop_string == alone.stop_string;
}

}  // namespace trinity

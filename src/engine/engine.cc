#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "base/check.h"
#include "engine/active_request.h"
#include "engine/scheduler.h"

namespace trinity {

Engine::Engine(const Model& model, const Tokenizer& tokenizer, const EngineOptions& options)
    : Engine(
          model.kv_shape(), tokenizer, options,
          [&model](const Step& step, Activations& a) { model.Forward(step, a); },
          [&model] { return model.expert_traffic(); }) {}

Engine::Engine(const KvShape& shape, const Tokenizer& tokenizer, const EngineOptions& options,
               ForwardPass forward, CountExperts count_experts)
    : tokenizer_(tokenizer),
      options_(options),
      vocab_size_(shape.config.vocab_size),
      count_experts_(std::move(count_experts)),
      scheduler_(std::make_unique<Scheduler>(shape, options, std::move(forward))) {
  max_context_ = scheduler_->max_context();
  scheduler_->SetCancelQuestion([this](RequestId id) {
    const std::scoped_lock lock(mutex_);
    return stops_ || std::find(cancelled_.begin(), cancelled_.end(), id) != cancelled_.end();
  });
  // Who has heard of the end of a request finds it counted.
  scheduler_->SetEndNotice([this] { Publish(); });
  stats_ = CurrentStats();
  thread_ = std::thread([this] { Run(); });
}

Engine::~Engine() { Stop(); }

RequestId Engine::Submit(EngineRequest request, std::shared_ptr<RequestListener> listener) {
  ValidateRequest(request, vocab_size_, max_context_);
  // What is made of a request takes time, which is the caller's.
  auto active =
      std::make_unique<ActiveRequest>(0, std::move(request), std::move(listener), tokenizer_);
  const std::scoped_lock lock(mutex_);
  if (closed_reason_) throw EngineClosed(*closed_reason_);
  const int64_t num_tokens = stats_.num_queued_tokens + active->num_prompt_ids();
  if (stats_.num_queued_requests >= options_.max_queued_requests) {
    throw QueueFull(
        fmt::format("queue: {} requests wait, the most that may", stats_.num_queued_requests));
  }
  if (stats_.num_queued_requests > 0 && num_tokens > options_.max_queued_tokens) {
    throw QueueFull(fmt::format("queue: {} tokens wait, {} more would be over {}",
                                stats_.num_queued_tokens, active->num_prompt_ids(),
                                options_.max_queued_tokens));
  }
  active->id = next_id_++;
  const RequestId id = active->id;
  ++stats_.num_queued_requests;
  stats_.num_queued_tokens = num_tokens;
  submitted_.push_back(std::move(active));
  if (std::exchange(is_idle_, false)) progress_time_ = std::chrono::steady_clock::now();
  work_arrived_.notify_one();
  return id;
}

void Engine::Cancel(RequestId id) {
  const std::scoped_lock lock(mutex_);
  cancelled_.push_back(id);
  work_arrived_.notify_one();
}

void Engine::WhenFailed(std::function<void(const std::string& reason)> tell) {
  std::string reason;
  {
    const std::scoped_lock lock(mutex_);
    if (!failed_reason_) {
      tell_failure_ = std::move(tell);
      return;
    }
    reason = *failed_reason_;
  }
  tell(reason);
}

std::optional<std::string> Engine::closed_reason() const {
  const std::scoped_lock lock(mutex_);
  return closed_reason_;
}

double Engine::seconds_without_progress() const {
  const std::scoped_lock lock(mutex_);
  if (is_idle_) return 0;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - progress_time_).count();
}

EngineStats Engine::Stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

int64_t Engine::LoadPrefixes(const PrefixStorage& storage) {
  // The thread waits for its first request meanwhile, and looks at the scheduler under the lock.
  const std::scoped_lock lock(mutex_);
  const int64_t num_loaded = scheduler_->LoadPrefixes(storage);
  stats_ = CurrentStats();
  return num_loaded;
}

int64_t Engine::SavePrefixes(const PrefixStorage& storage) const {
  TRINITY_CHECK(!thread_.joinable());
  return scheduler_->SavePrefixes(storage);
}

void Engine::Drain() {
  const std::scoped_lock lock(mutex_);
  if (!closed_reason_) closed_reason_ = "engine: takes no new requests, it is about to stop";
}

bool Engine::WaitUntilIdle(double timeout_s) {
  std::unique_lock lock(mutex_);
  return became_idle_.wait_for(lock, std::chrono::duration<double>(timeout_s),
                               [this] { return is_idle_; });
}

void Engine::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    if (!closed_reason_) closed_reason_ = "engine: has been stopped";
    stops_ = true;
    work_arrived_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

bool Engine::TakeWork() {
  std::vector<std::unique_ptr<ActiveRequest>> submitted;
  std::vector<RequestId> cancelled;
  {
    std::unique_lock lock(mutex_);
    work_arrived_.wait(lock, [this] {
      return stops_ || !submitted_.empty() || !cancelled_.empty() || scheduler_->has_work();
    });
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
    if (stops_) {
      for (auto& request : submitted) scheduler_->Add(std::move(request));
      return false;
    }
  }
  for (auto& request : submitted) scheduler_->Add(std::move(request));
  for (const RequestId id : cancelled) scheduler_->Cancel(id);
  return true;
}

void Engine::Run() {
  RequestFailure failure = RequestFailure::kClosed;
  std::string reason = "engine: was stopped before the answer was done";
  try {
    while (TakeWork()) {
      // Who has begun waits no longer, also while the step is computed.
      scheduler_->Admit();
      Publish();
      if (scheduler_->has_work()) scheduler_->RunStep();
      Publish();
    }
  } catch (const std::exception& error) {
    failure = RequestFailure::kEngine;
    reason = fmt::format("engine: failed: {}", error.what());
  }
  Close(failure, reason);
}

void Engine::Close(RequestFailure failure, const std::string& reason) {
  {
    const std::scoped_lock lock(mutex_);
    if (failure == RequestFailure::kEngine) closed_reason_ = reason;
    for (auto& request : submitted_) scheduler_->Add(std::move(request));
    submitted_.clear();
  }
  scheduler_->FailAll(failure, reason);
  Publish();
  if (failure != RequestFailure::kEngine) return;
  std::function<void(const std::string&)> tell;
  {
    const std::scoped_lock lock(mutex_);
    failed_reason_ = reason;
    tell = std::move(tell_failure_);
  }
  if (tell) tell(reason);
}

// The bytes of prefixes are not counted after each of many short steps.
EngineStats Engine::CurrentStats() {
  constexpr auto kCountInterval = std::chrono::milliseconds(50);
  EngineStats stats = scheduler_->Stats();
  const bool rests = stats.num_running_requests + stats.num_queued_requests == 0;
  const auto now = std::chrono::steady_clock::now();
  if (rests || now - count_time_ >= kCountInterval) {
    prefix_bytes_ = scheduler_->CountPrefixBytes();
    count_time_ = now;
  }
  stats.prefix_bytes = prefix_bytes_;
  if (count_experts_) stats.experts = count_experts_();
  return stats;
}

void Engine::Publish() {
  EngineStats stats = CurrentStats();
  const std::scoped_lock lock(mutex_);
  for (const auto& request : submitted_) {
    ++stats.num_queued_requests;
    stats.num_queued_tokens += request->num_prompt_ids();
  }
  stats_ = stats;
  progress_time_ = std::chrono::steady_clock::now();
  is_idle_ = submitted_.empty() && !scheduler_->has_work();
  if (is_idle_) became_idle_.notify_all();
}

}  // namespace trinity

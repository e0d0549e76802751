#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine_options.h"
#include "engine/engine_request.h"
#include "engine/engine_stats.h"
#include "engine/forward_pass.h"
#include "engine/prefix_storage.h"
#include "engine/refusal_kinds.h"
#include "engine/request_listener.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

struct ActiveRequest;
class Scheduler;

// One model for many requests at a time. A thread of its own computes; all functions here may be
// called from any thread and never wait for a computation, except Stop and WaitUntilIdle.
class Engine {
 public:
  // Model and tokenizer must outlive the engine; nobody else may compute with the model meanwhile.
  // Throws Error where an option is out of range or the budget does not hold one sequence.
  Engine(const Model& model, const Tokenizer& tokenizer, const EngineOptions& options);
  // The same for whatever computes steps of a model of that config. `count_experts` is asked after
  // steps, by their thread.
  using CountExperts = std::function<std::optional<ExpertTraffic>()>;
  Engine(const KvShape& shape, const Tokenizer& tokenizer, const EngineOptions& options,
         ForwardPass forward, CountExperts count_experts = nullptr);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();  // as Stop

  // Takes a request; the listener hears of it until its last call. Throws Error as ValidateRequest
  // does, QueueFull, or EngineClosed; the listener is then not called.
  RequestId Submit(EngineRequest request, std::shared_ptr<RequestListener> listener);
  // Ends a request: within one layer of the model where it is alone in a step, else with the step.
  // Nothing happens where it has ended already.
  void Cancel(RequestId id);

  // `tell` is called once the engine has failed for good, where it does: with the reason, by its
  // thread, after all requests have heard of it; at once where that was before. At most one.
  void WhenFailed(std::function<void(const std::string& reason)> tell);
  // Why no requests are taken any more; absent: they are.
  std::optional<std::string> closed_reason() const;

  // Seconds since the last step ended, or since there was something to do; 0: there is nothing.
  double seconds_without_progress() const;

  // As after the last step or end of a request, whichever was later, prefix_bytes up to 50 ms older
  // while requests are open. Who hears of an end finds it counted.
  EngineStats Stats() const;
  // Tokens of a sequence at most: max_context, or less where the budget holds fewer.
  int64_t max_context() const { return max_context_; }

  // As in prefix_storage.h: the one before the first request, the other after Stop.
  int64_t LoadPrefixes(const PrefixStorage& storage);
  int64_t SavePrefixes(const PrefixStorage& storage) const;

  // Takes no requests from now on; those taken are finished.
  void Drain();
  // Waits until nothing is left to do, at most for `timeout_s`; whether that is so.
  bool WaitUntilIdle(double timeout_s);
  // Fails what is not finished and ends the thread.
  void Stop();

 private:
  void Run();
  // Waits for something to do and hands it to the scheduler; false: the thread ends.
  bool TakeWork();
  // No requests are taken any more; those that are open fail.
  void Close(RequestFailure failure, const std::string& reason);
  void Publish();
  EngineStats CurrentStats();

  const Tokenizer& tokenizer_;
  EngineOptions options_;
  int64_t vocab_size_;
  int64_t max_context_;
  // The thread's.
  CountExperts count_experts_;
  std::unique_ptr<Scheduler> scheduler_;
  int64_t prefix_bytes_ = 0;
  std::chrono::steady_clock::time_point count_time_;  // of prefix_bytes_

  mutable std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable became_idle_;
  // Guarded by the mutex.
  std::vector<std::unique_ptr<ActiveRequest>> submitted_;
  std::vector<RequestId> cancelled_;
  std::optional<std::string> closed_reason_;  // why no requests are taken
  std::optional<std::string> failed_reason_;
  std::function<void(const std::string&)> tell_failure_;
  bool stops_ = false;
  bool is_idle_ = true;
  std::chrono::steady_clock::time_point progress_time_;  // while not idle
  RequestId next_id_ = 1;
  EngineStats stats_;

  std::thread thread_;
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/active_request.h"
#include "engine/engine_options.h"
#include "engine/engine_stats.h"
#include "engine/forward_pass.h"
#include "engine/kv_budget.h"
#include "engine/prefix_cache.h"
#include "engine/prefix_storage.h"
#include "model/config.h"
#include "model/kv_cache.h"

namespace trinity {

// Decides what each step computes, for many requests that share one budget of keys and values.
// Continuous batching: sequences come and go between steps, those whose answers grow have a row in
// each step, prompts are computed in chunks beside them. Not thread-safe; knows no other time than
// that of deadlines and of how long its steps take.
class Scheduler {
 public:
  // Throws Error where an option is out of range or the budget does not hold one sequence.
  Scheduler(const KvShape& shape, const EngineOptions& options, ForwardPass forward,
            FreedPages freed = FreedPages::kLeave);

  // Tokens of a sequence at most.
  int64_t max_context() const { return max_context_; }

  // The request is valid for max_context().
  void Add(std::unique_ptr<ActiveRequest> request);
  // Ends a request; nothing happens where there is none of that id.
  void Cancel(RequestId id);
  bool has_work() const { return !requests_.empty(); }
  // Begins whoever may begin; RunStep does so too.
  void Admit();
  // One step for whoever can take part in it. Where all of them are cancelled or late meanwhile, it
  // ends early, and it is as if there had been none. Where the model cannot be read (StorageError)
  // the requests of the step fail, and others are as if they had not been there.
  void RunStep();
  // Whether a request is about to be cancelled; asked during steps.
  void SetCancelQuestion(std::function<bool(RequestId)> is_cancelled) {
    is_cancelled_ = std::move(is_cancelled);
  }
  // Called when Stats count the end of a request, which is then told to its listener.
  void SetEndNotice(std::function<void()> notice) { end_notice_ = std::move(notice); }
  // Gives up all that is kept for requests to come.
  void ForgetPrefixes();
  // As in prefix_storage.h; before there are requests, and after.
  int64_t LoadPrefixes(const PrefixStorage& storage) {
    return trinity::LoadPrefixes(storage, config_.vocab_size, pools_, budget_.free_bytes(),
                                 prefixes_);
  }
  int64_t SavePrefixes(const PrefixStorage& storage) const {
    return trinity::SavePrefixes(storage, config_.vocab_size, pools_, prefixes_);
  }
  // Ends all requests.
  void FailAll(RequestFailure failure, const std::string& message);

  // All but prefix_bytes.
  EngineStats Stats() const;
  // Of the pages that only kept prefixes hold; takes time that grows with what is kept.
  int64_t CountPrefixBytes() const { return prefixes_.BytesHeldAlone(); }

 private:
  // Rows of a sequence in the step.
  struct PlannedRows {
    Sequence* sequence;
    int64_t num_rows;
  };

  void ExpireDeadlines();
  std::vector<Sequence*> AdmissionOrder() const;
  // Whether a running sequence computes a beginning of this one, which it then need not.
  bool MustWait(Sequence& sequence);
  bool MustWaitFor(Sequence& sequence, Sequence& other, int64_t& num_cached);
  // Begins or resumes a sequence; false: there is no room.
  bool Start(Sequence& sequence);
  void CountLookup(Sequence& sequence, const PrefixCache::Match& match);
  // How many of its tokens may come from the prefix cache.
  int64_t CacheLimit(const Sequence& sequence) const;
  bool MakeRoomFor(const Sequence& sequence);
  bool HasRoomFor(const Sequence& sequence) const;
  void PlanStep();
  int64_t PrefillRows() const;
  int64_t MostRowsOf(const Sequence& sequence) const;
  // How many of `num_rows` fit into the budget, for the running sequence at `index`. Takes memory
  // from those that come after it where not even one does.
  int64_t FitRows(size_t index, int64_t num_rows);
  void Preempt(Sequence& sequence);
  // It gives its cache back, and nobody waits for it any more.
  void Leave(Sequence& sequence);

  // Adds the rows to the step; whether hidden rows are looked at.
  bool AddToStep(const PlannedRows& planned);
  // False: it was abandoned, or failed.
  bool ComputeStep();
  // Ends the requests of a step for which the model could not be read.
  void FailStep(const std::string& message);
  bool IsAbandoned() const;
  void MeasureStep(double seconds);
  void ObserveHidden(const Matrix& hidden);
  void TakeResults();
  // Keeps the states that the step has passed and that are worth it.
  void KeepStates(Sequence& sequence, int64_t length_before);
  void ReportPrompt(const Sequence& sequence, const StepSequence& rows);
  std::span<const float> LogitsRow(int64_t row) const;

  void FinishSequence(Sequence& sequence, FinishReason reason);
  void Fail(ActiveRequest& request, RequestFailure failure, const std::string& message);
  void CountEnd(const ActiveRequest& request);
  // Forgets the requests that have ended.
  void Sweep();

  const Config& config_;
  EngineOptions options_;
  ForwardPass forward_;
  std::function<bool(RequestId)> is_cancelled_;
  std::function<void()> end_notice_;
  KvPools pools_;
  PrefixCache prefixes_;
  KvBudget budget_;
  int64_t max_context_;

  std::map<RequestId, std::unique_ptr<ActiveRequest>> requests_;
  // Those of the highest priority first, then by arrival.
  std::vector<Sequence*> waiting_;
  std::vector<Sequence*> running_;

  std::vector<PlannedRows> planned_;
  int64_t planned_bytes_ = 0;
  int64_t num_starts_ = 0;
  Step step_;
  Activations activations_;
  double prefill_row_s_ = 0;  // how long a row of a prompt takes; 0: not known yet
  EngineStats stats_;
};

}  // namespace trinity

#include "engine/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "engine/row_sharing.h"
#include "engine/sequence_order.h"
#include "engine/shared_beginning.h"

namespace trinity {
namespace {

using Clock = ActiveRequest::Clock;

// Logits of a step take no more than this, where each row of a prompt has some.
constexpr int64_t kMaxLogitBytes = int64_t{64} << 20;
// A chunk of a prompt is not cut below this for the sake of those whose answers grow.
constexpr int64_t kLeastPrefillRows = 16;
// Fewer tokens than this are computed again rather than waited for, or kept a state for.
constexpr int64_t kLeastShared = 16;
// Once in so many times, who came first is begun first, whatever the priorities: nobody waits for
// ever.
constexpr int64_t kStartsByRank = 4;

void InsertByRank(std::vector<Sequence*>& sequences, Sequence* sequence) {
  sequences.insert(std::upper_bound(sequences.begin(), sequences.end(), sequence, ComesBefore),
                   sequence);
}

bool HasExpired(const ActiveRequest& request, Clock::time_point now) {
  return request.request.deadline && now >= *request.request.deadline;
}

int64_t Checked(const char* name, int64_t value, int64_t least) {
  if (value < least) Fail("{}: expected at least {}, found {}", name, least, value);
  return value;
}

}  // namespace

Scheduler::Scheduler(const KvShape& shape, const EngineOptions& options, ForwardPass forward,
                     FreedPages freed)
    : config_(shape.config),
      options_(options),
      forward_(std::move(forward)),
      pools_(shape, options.kv_dtype, freed),
      prefixes_(pools_),
      budget_(pools_, options.kv_budget_bytes),
      max_context_(budget_.LongestSequence(std::min(
          Checked("max context", options.max_context.value_or(config_.max_position_embeddings), 1),
          config_.max_position_embeddings))) {
  Checked("sequences", options.max_sequences, 1);
  // Each running sequence can have its row.
  Checked("tokens of a step", options.step_tokens, options.max_sequences);
  Checked("tokens between kept states", options.keep_every_tokens, kKvPageTokens);
  stats_.kv_budget_bytes = options.kv_budget_bytes;
}

void Scheduler::Add(std::unique_ptr<ActiveRequest> request) {
  for (const auto& sequence : request->sequences) InsertByRank(waiting_, sequence.get());
  requests_.emplace(request->id, std::move(request));
}

void Scheduler::Cancel(RequestId id) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  ++stats_.num_cancelled_requests;
  for (const auto& sequence : found->second->sequences) {
    if (!sequence->is_finished()) FinishSequence(*sequence, FinishReason::kCancelled);
  }
  Sweep();
}

void Scheduler::FailAll(RequestFailure failure, const std::string& message) {
  for (const auto& [id, request] : requests_) Fail(*request, failure, message);
  Sweep();
}

void Scheduler::ForgetPrefixes() {
  while (prefixes_.EvictOldest(Eviction::kAny)) {
  }
}

void Scheduler::RunStep() {
  ExpireDeadlines();
  Admit();
  if (running_.empty()) return;
  PlanStep();
  if (ComputeStep()) TakeResults();
  Sweep();
}

void Scheduler::ExpireDeadlines() {
  const Clock::time_point now = Clock::now();
  for (const auto& [id, request] : requests_) {
    if (HasExpired(*request, now)) {
      Fail(*request, RequestFailure::kDeadline, "deadline: the answer was not done in time");
    }
  }
  Sweep();
}

std::vector<Sequence*> Scheduler::AdmissionOrder() const {
  std::vector<Sequence*> order = waiting_;
  if ((num_starts_ + 1) % kStartsByRank != 0) return order;
  const auto oldest = std::min_element(order.begin(), order.end(), ArrivedBefore);
  if (oldest != order.end()) std::rotate(order.begin(), oldest, oldest + 1);
  return order;
}

void Scheduler::Admit() {
  const auto is_full = [this] {
    return static_cast<int64_t>(running_.size()) >= options_.max_sequences;
  };
  if (is_full()) return;
  for (Sequence* sequence : AdmissionOrder()) {
    if (is_full()) return;
    if (MustWait(*sequence)) continue;
    // Whoever comes later may not take what this one needs.
    if (!Start(*sequence)) return;
  }
}

bool Scheduler::MustWait(Sequence& sequence) {
  if (!options_.keeps_prefixes) return false;
  if (sequence.waits_for) {
    if (sequence.waits_for->other->cache->length() < sequence.waits_for->length) return true;
    sequence.waits_for.reset();
  }
  int64_t num_cached = prefixes_.Find(sequence.ids(), CacheLimit(sequence)).num_cached;
  bool must_wait = false;
  for (Sequence* other : running_) must_wait |= MustWaitFor(sequence, *other, num_cached);
  return must_wait;
}

bool Scheduler::MustWaitFor(Sequence& sequence, Sequence& other, int64_t& num_cached) {
  const int64_t num_prompt_ids = other.request().num_prompt_ids();
  const bool is_prefill = other.cache->length() < num_prompt_ids;
  if (!is_prefill || sequence.request().request.priority > other.request().request.priority) {
    return false;
  }
  const std::span<const int32_t> prompt =
      std::span(other.ids()).first(static_cast<size_t>(num_prompt_ids));
  const int64_t num_shared =
      std::min(SharedBeginning(sequence.ids(), prompt), CacheLimit(sequence));
  if (num_shared < num_cached + kLeastShared) return false;
  if (num_shared <= other.cache->length()) {
    if (!other.cache->CanTruncateTo(num_shared)) return false;
    prefixes_.Keep(prompt.first(static_cast<size_t>(num_shared)), *other.cache);
    num_cached = num_shared;
    sequence.waits_for.reset();
    return false;
  }
  // The state after the whole prompt is kept anyway and can be cut by one token.
  const bool is_whole = num_shared + 1 >= num_prompt_ids;
  if (!is_whole) other.keep_points.Add(num_shared);
  num_cached = num_shared;
  sequence.waits_for = {&other, is_whole ? num_prompt_ids : num_shared};
  return true;
}

int64_t Scheduler::CacheLimit(const Sequence& sequence) const {
  // The last token goes through the model in any case: its logits are what is wanted.
  const int64_t limit = sequence.length() - 1;
  const PromptObservation* observation = sequence.observation();
  return observation == nullptr ? limit : std::min(limit, *observation->FirstWanted());
}

bool Scheduler::Start(Sequence& sequence) {
  sequence.cache.emplace(pools_);
  PrefixCache::Match match;
  match.miss.reason = PrefixMissReason::kOff;
  if (options_.keeps_prefixes) {
    match = prefixes_.Take(sequence.ids(), CacheLimit(sequence), *sequence.cache);
    if (sequence.observation() != nullptr) match.miss.reason = PrefixMissReason::kOff;
    if (match.miss.num_matched >= match.num_cached + kLeastShared) {
      sequence.keep_points.Add(match.miss.num_matched);
    }
  }
  if (!running_.empty() && !MakeRoomFor(sequence)) {
    sequence.cache.reset();
    return false;
  }
  std::erase(waiting_, &sequence);
  InsertByRank(running_, &sequence);
  ++num_starts_;
  if (!sequence.request().begin) CountLookup(sequence, match);
  return true;
}

void Scheduler::CountLookup(Sequence& sequence, const PrefixCache::Match& match) {
  ActiveRequest& request = sequence.request();
  request.begin = Clock::now();
  request.usage.num_cached_tokens = match.num_cached;
  request.usage.miss = match.miss;
  stats_.num_cached_tokens += match.num_cached;
  ++stats_.num_lookups.at(static_cast<size_t>(match.miss.reason));
}

bool Scheduler::MakeRoomFor(const Sequence& sequence) {
  while (!HasRoomFor(sequence)) {
    if (!prefixes_.EvictOldest(Eviction::kFreesPages)) return false;
  }
  return true;
}

bool Scheduler::HasRoomFor(const Sequence& sequence) const {
  // Each can then grow by a page before anyone has to give way.
  const auto bytes_of = [this](const Sequence& one) {
    return budget_.BytesToGrow(*one.cache, one.length() + kKvPageTokens);
  };
  int64_t bytes = bytes_of(sequence);
  for (const Sequence* other : running_) bytes += bytes_of(*other);
  return bytes <= budget_.free_bytes();
}

int64_t Scheduler::MostRowsOf(const Sequence& sequence) const {
  const PromptObservation* observation = sequence.observation();
  if (observation == nullptr || !observation->wants_logits()) return options_.step_tokens;
  const int64_t row_bytes = config_.vocab_size * static_cast<int64_t>(sizeof(float));
  return std::max<int64_t>(1, kMaxLogitBytes / row_bytes);
}

int64_t Scheduler::PrefillRows() const {
  const bool answers_grow = std::any_of(running_.begin(), running_.end(), [](const Sequence* s) {
    return s->length() > s->request().num_prompt_ids();
  });
  if (!answers_grow || prefill_row_s_ == 0) return options_.step_tokens;
  const double rows = options_.step_target_s / prefill_row_s_;
  return std::clamp(static_cast<int64_t>(std::min(rows, 1e9)), kLeastPrefillRows,
                    std::max(kLeastPrefillRows, options_.step_tokens));
}

void Scheduler::PlanStep() {
  planned_.clear();
  planned_bytes_ = 0;
  std::vector<Sequence*> by_arrival = running_;
  std::sort(by_arrival.begin(), by_arrival.end(), ArrivedBefore);
  std::vector<RowDemand> demands;
  for (const Sequence* sequence : by_arrival) {
    demands.push_back(
        {sequence->num_remaining(), MostRowsOf(*sequence), sequence->request().request.priority});
  }
  const std::vector<int64_t> rows = ShareRows(demands, options_.step_tokens, PrefillRows());
  std::map<const Sequence*, int64_t> rows_of;
  for (size_t i = 0; i < rows.size(); ++i) rows_of[by_arrival[i]] = rows[i];
  // By rank, so that whoever has to give way has no rows yet.
  for (size_t i = 0; i < running_.size(); ++i) {
    Sequence* sequence = running_[i];
    const int64_t num_rows = FitRows(i, rows_of[sequence]);
    if (num_rows == 0) continue;
    planned_.push_back({sequence, num_rows});
    planned_bytes_ += sequence->cache->BytesToReserve(num_rows);
  }
  // The first of them fits alone.
  TRINITY_CHECK(!planned_.empty());
}

int64_t Scheduler::FitRows(size_t index, int64_t num_rows) {
  const KvCache& cache = *running_[index]->cache;
  while (num_rows > 0) {
    const int64_t free = budget_.free_bytes() - planned_bytes_;
    int64_t fits = num_rows;
    if (cache.BytesToReserve(fits) > free && prefixes_.EvictOldest(Eviction::kFreesPages)) continue;
    while (fits > 0 && cache.BytesToReserve(fits) > free) fits /= 2;
    if (fits > 0) return fits;
    if (index + 1 < running_.size()) {
      Preempt(*running_.back());
    } else if (!prefixes_.EvictOldest(Eviction::kAny)) {
      return 0;
    }
  }
  return 0;
}

void Scheduler::Preempt(Sequence& sequence) {
  ++stats_.num_preemptions;
  Leave(sequence);
  InsertByRank(waiting_, &sequence);
}

void Scheduler::Leave(Sequence& sequence) {
  sequence.cache.reset();
  std::erase(running_, &sequence);
  for (Sequence* other : waiting_) {
    if (other->waits_for && other->waits_for->other == &sequence) other->waits_for.reset();
  }
}

bool Scheduler::AddToStep(const PlannedRows& planned) {
  Sequence& sequence = *planned.sequence;
  const PromptObservation* observation = sequence.observation();
  const bool is_last = planned.num_rows == sequence.num_remaining();
  const bool needs_all = observation != nullptr && observation->wants_logits();
  const auto first = static_cast<size_t>(sequence.cache->length());
  step_.Add(*sequence.cache,
            std::span(sequence.ids()).subspan(first, static_cast<size_t>(planned.num_rows)),
            needs_all ? planned.num_rows : (is_last ? 1 : 0),
            needs_all ? std::nullopt : sequence.NumDecidingLogits(config_.vocab_size));
  if (options_.keeps_prefixes) {
    sequence.cache->HoldWindowAt(
        sequence.keep_points.After(sequence.cache->length(), options_.keep_every_tokens));
  }
  return observation != nullptr && observation->wants_hidden();
}

bool Scheduler::IsAbandoned() const {
  const Clock::time_point now = Clock::now();
  return std::all_of(planned_.begin(), planned_.end(), [&](const PlannedRows& planned) {
    const ActiveRequest& request = planned.sequence->request();
    return HasExpired(request, now) || (is_cancelled_ && is_cancelled_(request.id));
  });
}

bool Scheduler::ComputeStep() {
  step_.Clear();
  bool observes_hidden = false;
  for (const PlannedRows& planned : planned_) {
    if (AddToStep(planned)) observes_hidden = true;
  }
  step_.on_stream = nullptr;
  if (observes_hidden) {
    step_.on_stream = [this](int64_t index, const Matrix& stream, const Activations&) {
      if (index == config_.num_hidden_layers) ObserveHidden(stream);
    };
  }
  bool is_abandoned = false;
  step_.is_abandoned = [&] { return is_abandoned = IsAbandoned(); };
  const Clock::time_point start = Clock::now();
  try {
    forward_(step_, activations_);
  } catch (const StorageError& error) {
    FailStep(error.what());
    is_abandoned = true;
  }
  step_.is_abandoned = nullptr;
  if (is_abandoned) return false;
  MeasureStep(std::chrono::duration<double>(Clock::now() - start).count());
  return true;
}

// Their caches go with them: what the step has written there is looked at by nobody.
void Scheduler::FailStep(const std::string& message) {
  for (const PlannedRows& planned : planned_) {
    Fail(planned.sequence->request(), RequestFailure::kStorage, message);
  }
}

void Scheduler::MeasureStep(double seconds) {
  ++stats_.num_steps;
  stats_.step_s += seconds;
  int64_t num_prefill_rows = 0;
  for (const PlannedRows& planned : planned_) {
    const Sequence& sequence = *planned.sequence;
    // The cache holds the step already.
    if (sequence.cache->length() <= sequence.request().num_prompt_ids()) {
      num_prefill_rows += planned.num_rows;
    }
  }
  const double row_s = seconds / static_cast<double>(step_.num_rows());
  stats_.num_prefill_tokens += num_prefill_rows;
  stats_.prefill_step_s += row_s * static_cast<double>(num_prefill_rows);
  stats_.decode_step_s += row_s * static_cast<double>(step_.num_rows() - num_prefill_rows);
  if (num_prefill_rows < kLeastPrefillRows) return;
  prefill_row_s_ = prefill_row_s_ == 0 ? row_s : 0.7 * prefill_row_s_ + 0.3 * row_s;
}

void Scheduler::ObserveHidden(const Matrix& hidden) {
  for (size_t i = 0; i < planned_.size(); ++i) {
    PromptObservation* observation = planned_[i].sequence->observation();
    if (observation == nullptr) continue;
    const StepSequence& rows = step_.sequences()[i];
    for (int64_t row = rows.first_row; row < rows.first_row + rows.num_rows; ++row) {
      observation->AddHidden(rows.PositionOf(row),
                             {hidden.Row(row), static_cast<size_t>(hidden.cols())});
    }
  }
}

std::span<const float> Scheduler::LogitsRow(int64_t row) const {
  return {activations_.logits.Row(row), static_cast<size_t>(config_.vocab_size)};
}

void Scheduler::TakeResults() {
  int64_t logits_row = 0;
  for (size_t i = 0; i < planned_.size(); ++i) {
    Sequence& sequence = *planned_[i].sequence;
    const StepSequence& rows = step_.sequences()[i];
    const bool is_complete = sequence.num_remaining() == 0;
    KeepStates(sequence, rows.first_position);
    PromptObservation* observation = sequence.observation();
    const bool has_all = observation != nullptr && observation->wants_logits();
    const int64_t num_logits = has_all ? rows.num_rows : (is_complete ? 1 : 0);
    for (int64_t j = 0; has_all && j < num_logits; ++j) {
      observation->AddLogits(rows.first_position + j, LogitsRow(logits_row + j));
    }
    logits_row += num_logits;
    ReportPrompt(sequence, rows);
    if (!is_complete) continue;
    const std::optional<FinishReason> reason =
        sequence.TakeLogits(LogitsRow(logits_row - 1), max_context_);
    if (reason) FinishSequence(sequence, *reason);
  }
}

void Scheduler::KeepStates(Sequence& sequence, int64_t length_before) {
  if (!options_.keeps_prefixes) return;
  const auto next = [&](int64_t length) {
    return sequence.keep_points.After(length, options_.keep_every_tokens);
  };
  for (int64_t length = next(length_before); length <= sequence.cache->length();
       length = next(length)) {
    prefixes_.Keep(sequence.computed_ids().first(static_cast<size_t>(length)), *sequence.cache);
  }
  sequence.cache->ReleaseUnseen();
}

void Scheduler::ReportPrompt(const Sequence& sequence, const StepSequence& rows) {
  ActiveRequest& request = sequence.request();
  if (sequence.answer() != 0 || rows.first_position >= request.num_prompt_ids()) return;
  const int64_t num_done = std::min(sequence.cache->length(), request.num_prompt_ids());
  request.listener->OnPrefill(
      {num_done, request.num_prompt_ids(), request.usage.num_cached_tokens});
  if (num_done == request.num_prompt_ids()) request.observation.Report(*request.listener);
}

void Scheduler::FinishSequence(Sequence& sequence, FinishReason reason) {
  sequence.Finish(reason);
  if (sequence.cache && options_.keeps_prefixes) {
    prefixes_.Keep(sequence.computed_ids(), *sequence.cache);
  }
  Leave(sequence);
  std::erase(waiting_, &sequence);
  ActiveRequest& request = sequence.request();
  if (--request.num_unfinished > 0) return;
  CountEnd(request);
  request.End();
}

void Scheduler::CountEnd(const ActiveRequest& request) {
  stats_.num_answer_tokens += request.usage.num_answer_tokens;
  ++stats_.num_finished_requests;
  if (end_notice_) end_notice_();
}

void Scheduler::Fail(ActiveRequest& request, RequestFailure failure, const std::string& message) {
  if (request.num_unfinished == 0) return;
  for (const auto& sequence : request.sequences) {
    Leave(*sequence);
    std::erase(waiting_, sequence.get());
  }
  request.num_unfinished = 0;
  ++stats_.num_failed_requests;
  CountEnd(request);
  request.listener->OnFailure(failure, message);
}

void Scheduler::Sweep() {
  std::erase_if(requests_, [](const auto& entry) { return entry.second->num_unfinished == 0; });
}

EngineStats Scheduler::Stats() const {
  EngineStats stats = stats_;
  for (const auto& [id, request] : requests_) {
    if (request->num_unfinished == 0) continue;  // has ended in this step
    if (request->begin) {
      ++stats.num_running_requests;
    } else {
      ++stats.num_queued_requests;
      stats.num_queued_tokens += request->num_prompt_ids();
    }
    stats.num_answer_tokens += request->usage.num_answer_tokens;
  }
  stats.num_waiting_sequences = static_cast<int64_t>(waiting_.size());
  stats.num_running_sequences = static_cast<int64_t>(running_.size());
  stats.num_sliding_pages = pools_.Of(AttentionKind::kSliding).num_pages_in_use();
  stats.num_full_pages = pools_.Of(AttentionKind::kFull).num_pages_in_use();
  stats.kv_bytes = pools_.bytes_in_use();
  stats.num_kept_prefixes = prefixes_.num_kept();
  stats.num_evicted_prefixes = prefixes_.num_evicted();
  return stats;
}

}  // namespace trinity

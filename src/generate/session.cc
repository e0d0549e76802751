#include "generate/session.h"

#include <algorithm>

#include "base/check.h"
#include "base/error.h"

namespace trinity {
namespace {

constexpr size_t kMaxMarks = 8;

// The longest beginning of at most `length` tokens that a cache can be cut to; absent where none.
std::optional<int64_t> LongestCut(const KvCache& cache, int64_t length) {
  const int64_t cut = std::min(cache.length(), length);
  return cache.CanTruncateTo(cut) ? std::optional(cut) : std::nullopt;
}

}  // namespace

Session::Session(const Model& model, KvPools& pools, const SessionOptions& options)
    : model_(model),
      prefill_chunk_(options.prefill_chunk),
      max_context_(options.max_context.value_or(model.config().max_position_embeddings)),
      pools_(pools),
      cache_(pools) {
  TRINITY_CHECK(prefill_chunk_ > 0);
}

void Session::Mark() {
  if (!marks_.empty() && marks_.back().length() == length()) return;
  if (marks_.size() == kMaxMarks) marks_.pop_front();
  marks_.emplace_back(pools_).ShareFrom(cache_);
}

int64_t Session::RewindTo(int64_t length) {
  const KvCache* best = nullptr;
  int64_t best_cut = 0;
  const auto consider = [&](const KvCache& cache) {
    const std::optional<int64_t> cut = LongestCut(cache, length);
    if (cut && *cut > best_cut) {
      best = &cache;
      best_cut = *cut;
    }
  };
  consider(cache_);
  for (const KvCache& mark : marks_) consider(mark);
  if (best == nullptr) {
    cache_.Clear();
  } else {
    if (best != &cache_) cache_.ShareFrom(*best);
    cache_.TruncateTo(best_cut);
  }
  token_ids_.resize(static_cast<size_t>(best_cut));
  while (!marks_.empty() && marks_.back().length() > best_cut) marks_.pop_back();
  return best_cut;
}

std::span<const float> Session::Append(std::span<const int32_t> ids, const CancelToken& cancel,
                                       std::optional<int64_t> num_best) {
  TRINITY_CHECK(!ids.empty());
  const auto num_ids = static_cast<int64_t>(ids.size());
  if (num_ids > max_context_ - length()) {
    Fail("context: {} tokens do not fit: {} are used, at most {} can be held", num_ids, length(),
         max_context_);
  }
  for (const int32_t id : ids) {
    if (id < 0 || id >= model_.config().vocab_size) {
      Fail("token id {}: expected 0 to {}", id, model_.config().vocab_size - 1);
    }
  }
  for (int64_t first = 0; first < num_ids; first += prefill_chunk_) {
    if (cancel.is_cancelled()) return {};
    const int64_t count = std::min(prefill_chunk_, num_ids - first);
    step_.Clear();
    const auto chunk = ids.subspan(static_cast<size_t>(first), static_cast<size_t>(count));
    step_.Add(cache_, chunk, first + count == num_ids ? 1 : 0, num_best);
    model_.Forward(step_, activations_);
    token_ids_.insert(token_ids_.end(), chunk.begin(), chunk.end());
  }
  return {activations_.logits.Row(0), static_cast<size_t>(model_.config().vocab_size)};
}

}  // namespace trinity

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/cancel_token.h"
#include "model/model.h"

namespace trinity {

struct SessionOptions {
  int64_t prefill_chunk = 512;         // rows of a step at most
  std::optional<int64_t> max_context;  // tokens; absent: max_position_embeddings
};

// One sequence in time: the tokens so far and their cache. The model and the pools must outlive it.
class Session {
 public:
  Session(const Model& model, KvPools& pools, const SessionOptions& options = {});

  // Appends `ids` (at least one) and returns the logits [vocab_size] after the last of them, good
  // until the next call. Computed in chunks; `cancel` is looked at between them, and what was
  // computed by then stays: the result is then empty. Throws Error where the context is too short,
  // or an id is not in the vocabulary; nothing has changed then.
  std::span<const float> Append(std::span<const int32_t> ids, const CancelToken& cancel,
                                std::optional<int64_t> num_best = {});

  // Remembers the state after the tokens so far, so that RewindTo can come back to it once sliding
  // layers have given its window up. The pages are shared; of more than 8 marks the oldest goes.
  void Mark();

  // Forgets the tokens from some position on that is at most `length`, and as near to it as what is
  // held allows; returns that position, the new length().
  int64_t RewindTo(int64_t length);

  int64_t length() const { return cache_.length(); }
  // The tokens that are held, [length()].
  std::span<const int32_t> token_ids() const { return token_ids_; }
  int64_t max_context() const { return max_context_; }
  const Model& model() const { return model_; }
  void Clear() {
    cache_.Clear();
    token_ids_.clear();
    marks_.clear();
  }

 private:
  const Model& model_;
  int64_t prefill_chunk_;
  int64_t max_context_;
  KvPools& pools_;
  KvCache cache_;
  std::vector<int32_t> token_ids_;
  std::deque<KvCache> marks_;  // of beginnings of token_ids_, ascending
  Step step_;
  Activations activations_;
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/memory_block.h"
#include "model/kv_cache.h"

namespace trinity {

struct Activations;

// Rows of one sequence in a step: tokens that follow what its cache holds.
struct StepSequence {
  KvCache* cache = nullptr;
  int64_t first_row = 0;  // of the step
  int64_t num_rows = 0;
  int64_t first_position = 0;            // cache->length() before the step
  std::optional<int64_t> num_best = {};  // of Step::Add

  int64_t PositionOf(int64_t row) const { return first_position + row - first_row; }
};

// `index`: 0 after the embeddings, l after block l - 1. `stream`: [rows, hidden_size].
using StreamObserver =
    std::function<void(int64_t index, const Matrix& stream, const Activations& activations)>;

// What one forward pass computes: rows of several sequences, each with its own positions and cache.
// A row's result is the same to the bit whatever other rows come along.
class Step {
 public:
  // Adds tokens of one sequence; a cache may come only once a step. `num_logits`: for how many of
  // the last rows logits are computed. `num_best`: where no more than so many of the largest are
  // looked at, others may be -infinity, which spares several ranks to send them.
  void Add(KvCache& cache, std::span<const int32_t> ids, int64_t num_logits,
           std::optional<int64_t> num_best = {});
  void Clear();

  int64_t num_rows() const { return static_cast<int64_t>(token_ids_.size()); }
  const std::vector<int32_t>& token_ids() const { return token_ids_; }  // [rows]
  const std::vector<int64_t>& positions() const { return positions_; }  // [rows]
  const std::vector<StepSequence>& sequences() const { return sequences_; }
  const StepSequence& SequenceOf(int64_t row) const {
    return sequences_[sequence_of_row_[static_cast<size_t>(row)]];
  }
  // Rows whose logits are asked for, ascending; logits row i belongs to step row logit_rows()[i].
  const std::vector<int64_t>& logit_rows() const { return logit_rows_; }

  // For those who look inside; called with the stream after the embeddings, after each block but
  // the last, and after the final norm (index num_hidden_layers), which is then computed for all
  // rows.
  StreamObserver on_stream;

  // Asked before each block; where it says true, Forward returns at once: the caches hold what they
  // held before, beside pages that the next step will use, and logits are undefined. Not asked of
  // several ranks, which would have to agree.
  std::function<bool()> is_abandoned;

 private:
  std::vector<int32_t> token_ids_;
  std::vector<int64_t> positions_;
  std::vector<size_t> sequence_of_row_;
  std::vector<int64_t> logit_rows_;
  std::vector<StepSequence> sequences_;
};

}  // namespace trinity

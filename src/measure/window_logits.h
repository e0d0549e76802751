#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/dtype.h"
#include "model/model.h"

namespace trinity {

// The logits of texts that are computed one after the other, each by itself and from its beginning.
class WindowLogits {
 public:
  // The model must outlive it. `longest`: tokens of a text at most.
  WindowLogits(const Model& model, DType kv_dtype, int64_t longest);

  // What is done with the logits [vocab_size] after ids[position]. Rows come in any order, several
  // at a time: `thread` is that of the model's pool.
  using TakeRow = std::function<void(int64_t position, std::span<const float> logits, int thread)>;
  // Calls `take_row` for each position of `ids`.
  void ForEachRow(std::span<const int32_t> ids, const TakeRow& take_row);

 private:
  const Model& model_;
  int64_t step_rows_;
  KvPools pools_;
  Step step_;
  Activations activations_;
};

// Rows of the largest step of a WindowLogits for texts of `longest` tokens, each with its logits.
int64_t WindowStepRows(const Config& config, int64_t longest);

}  // namespace trinity

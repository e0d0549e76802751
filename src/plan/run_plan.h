#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "model/config.h"
#include "model/memory_plan.h"
#include "model/rank_slice.h"
#include "plan/planned_tensor.h"

namespace trinity {

// How a model is to be run.
struct RunShape {
  int64_t context = 0;  // tokens of each sequence, prompt and answer
  int64_t num_sequences = 1;
  RankGrid ranks;  // how the model is cut
  DType kv_dtype = DType::kF32;
  int64_t prefill_chunk = 512;        // rows of a step at most
  std::optional<int64_t> logit_rows;  // of a step at most; absent: one a sequence
  int num_threads = 1;
  // Memory for experts where the others stay in files; absent: all are in memory.
  std::optional<int64_t> expert_cache_bytes;
  // Tokens of all sequences of a backward pass that comes after the steps; absent: there is none.
  std::optional<int64_t> backward_rows;
};

// The memory of the rank that needs most, in bytes.
struct RankMemory {
  std::array<int64_t, kNumParameterClasses> weights{};  // by ParameterClass
  int64_t kv_full = 0;                                  // pages of the layers that keep every token
  int64_t kv_sliding = 0;                               // pages of those that keep the window
  int64_t activations = 0;  // every buffer of a block at the largest step, and scratch of threads
  int64_t logits = 0;       // of the rows of a step that have them
  int64_t program = 0;      // code, tokenizer, tables
  int64_t backward = 0;     // gradients and kept activations, beyond what steps had before

  int64_t weight_bytes() const;
  int64_t total() const;
};

// Throws Error where a number does not fit 64 bits, or the cache dtype not the model.
RankMemory PlanRun(const Config& config, std::span<const PlannedTensor> tensors,
                   const RunShape& shape);

// The least expert_cache_bytes with which a model is worth running: those of the experts that a
// token chooses in a layer. 0 where it has no experts.
int64_t LeastExpertCache(const Config& config, std::span<const PlannedTensor> tensors,
                         const RunShape& shape);

// The expert_cache_bytes that a run gives itself where `memory_bytes` do not hold all of `shape`:
// the least, and three quarters of what is left. The rest is for keys and values beyond those that
// were planned, and for the system's copy of what is being read.
int64_t ChosenExpertCache(const Config& config, std::span<const PlannedTensor> tensors,
                          const RunShape& shape, int64_t memory_bytes);

// The longest context, a multiple of 64 up to max_position_embeddings, with which `shape` fits into
// `memory_bytes`; 0 where none does.
int64_t LargestContext(const Config& config, std::span<const PlannedTensor> tensors,
                       const RunShape& shape, int64_t memory_bytes);

// What a step takes on the rank that has most of it.
struct StepWork {
  double bytes = 0;  // read: weights that its rows touch (of experts as many as are expected to be
                     // chosen), keys and values that they see
  double ops = 0;    // of matrices and attention; a multiplication and an addition are two
};

// A step of decoding: one token of each sequence, at the end of its context.
StepWork DecodeWork(const Config& config, std::span<const PlannedTensor> tensors,
                    const RunShape& shape);

// A step of prefill: prefill_chunk tokens of one prompt of shape.context tokens, in its middle.
StepWork PrefillWork(const Config& config, std::span<const PlannedTensor> tensors,
                     const RunShape& shape);

}  // namespace trinity

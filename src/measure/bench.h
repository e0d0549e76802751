#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel_token.h"
#include "checkpoint/checkpoint.h"
#include "kernels/activation_form.h"
#include "measure/roof.h"
#include "model/model.h"

namespace trinity {

enum class BenchKind { kPrefill, kDecode };
std::string_view NameOf(BenchKind kind);

// One thing to be timed: `tokens` tokens for each of `batch` sequences that hold `depth` already. A
// prefill takes them in chunks, a decode one by one, all sequences in the same step.
struct BenchCell {
  BenchKind kind = BenchKind::kDecode;
  int64_t depth = 0;
  int64_t batch = 1;
  int64_t tokens = 0;

  int64_t total_tokens() const { return batch * tokens; }
};

struct BenchOptions {
  DType kv_dtype = DType::kF32;
  int64_t prefill_chunk = 512;
  int64_t repeats = 3;
};

// What a cell reads and computes; the same in each repeat, but for the experts that are chosen.
struct BenchWork {
  double weight_bytes = 0;  // as the kernels stream them
  double kv_bytes = 0;      // keys and values that are visible, each once a step
  double ops = 0;           // of matrices and attention; a multiplication and an addition are two

  double bytes() const { return weight_bytes + kv_bytes; }
};

struct BenchResult {
  BenchCell cell;
  double seconds = 0;  // median, as all that follows
  double seconds_min = 0;
  double seconds_max = 0;
  BenchWork work;
  // Of all repeats together, where experts stay in files.
  std::optional<ExpertTraffic> experts;
  int64_t repeats = 0;

  double tokens_per_s() const { return static_cast<double>(cell.total_tokens()) / seconds; }
  double tokens_per_s_min() const { return static_cast<double>(cell.total_tokens()) / seconds_max; }
  double tokens_per_s_max() const { return static_cast<double>(cell.total_tokens()) / seconds_min; }
  double bytes_per_s() const { return work.bytes() / seconds; }
  double ops_per_s() const { return work.ops / seconds; }
};

// How near a result comes to what the machine can do: the time that its bytes take at the roof's
// read speed, or its operations at the speed of `arithmetic`, whichever is longer, over the time it
// took.
struct RoofShare {
  double share = 0;
  bool is_bound_by_reading = true;
};
RoofShare ShareOf(const BenchResult& result, const Roof& roof, Arithmetic arithmetic);

// What the products of most of a checkpoint's weights are computed with in `mode`, on the active
// SIMD target.
Arithmetic ArithmeticOf(ComputeMode mode, const Checkpoint& checkpoint);

// Attention of one sequence over positions [first, first + count): how many (query, key) pairs of
// all layers are visible, and how many keys are visible to any of the queries, summed over layers.
struct VisibleKeys {
  int64_t pairs = 0;
  int64_t keys = 0;
};
VisibleKeys CountVisible(const Config& config, int64_t first, int64_t count);

// Times a model, cell by cell. Token ids are random and their logits are computed, but nothing is
// sampled. What a sequence holds already is random keys and values instead of those of computed
// tokens: the time does not depend on their values.
class Bench {
 public:
  // The model must outlive it.
  Bench(const Model& model, const BenchOptions& options);

  // Why the cell cannot be run on this model and machine, if so.
  std::optional<std::string> ReasonToSkip(const BenchCell& cell) const;

  // Throws Error where memory runs out. Empty where it was cancelled.
  std::optional<BenchResult> Run(const BenchCell& cell, const CancelToken& cancel);

 private:
  struct Sequences;

  // Computes the cell; false where it was cancelled.
  bool Compute(const BenchCell& cell, Sequences& sequences, const CancelToken& cancel);
  int64_t StepTokens(const BenchCell& cell) const;
  BenchWork CountWork(const BenchCell& cell) const;

  const Model& model_;
  BenchOptions options_;
  Activations activations_;
};

}  // namespace trinity

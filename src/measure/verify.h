#pragma once

#include <cstdint>
#include <optional>

#include "measure/forward_trace.h"
#include "measure/golden_outputs.h"
#include "model/model.h"

namespace trinity {

struct VerifyOptions {
  std::optional<double> tolerance;  // of a logit; absent: DefaultTolerance
  int64_t prefill_chunk = 512;
};

// 1e-4, and 5e-4 for sequences of more than 1,000 tokens.
double DefaultTolerance(int64_t num_tokens);

// How many of the things compared are equal. Where the golden itself is undecided (two candidates
// nearer to each other than the tolerance), a difference is a near tie and not wrong.
struct Agreement {
  int64_t compared = 0;
  int64_t equal = 0;
  int64_t near_ties = 0;

  int64_t wrong() const { return compared - equal - near_ties; }
};

// The first hidden row, by index and then by position, that differs by more than the tolerance.
struct HiddenDifference {
  int64_t index = 0;  // 0: embeddings; l: output of block l - 1; num_hidden_layers: final norm
  TracedToken token;
  double difference = 0;
};

struct GoldenReport {
  double tolerance = 0;
  int64_t num_sequences = 0;
  int64_t num_tokens = 0;

  int64_t num_logit_rows = 0;
  double largest_logit_difference = 0;  // infinite where a logit is NaN
  TracedToken largest_logit_token;
  double mean_logit_difference = 0;
  Agreement top_1;
  Agreement top_5;  // as sets

  // Each of these is absent where the golden holds nothing to compare with.
  //
  // Differences of hidden values count relative to the largest value of their row, where that is
  // above 1: the stream of a deep model grows far beyond its logits.
  std::optional<double> largest_hidden_difference;
  std::optional<HiddenDifference> first_hidden_difference;  // absent: none
  std::optional<Agreement> router;              // choices of a token in a layer, as sets
  std::optional<Agreement> greedy;              // steps, each after the golden's ids
  std::optional<float> smallest_greedy_margin;  // of the golden
  // Sequences computed alone have the same logits to the bit as side by side.
  std::optional<bool> same_bits_alone;

  bool Passed() const;
};

// Compares the model with a golden. Throws Error where the golden does not fit the model.
GoldenReport VerifyGolden(const Model& model, const GoldenOutputs& golden,
                          const VerifyOptions& options);

}  // namespace trinity

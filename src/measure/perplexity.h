#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/dtype.h"
#include "measure/logit_file.h"
#include "model/model.h"

namespace trinity {

struct PerplexityRequest {
  std::span<const int32_t> ids;  // of the text, without special tokens; below vocab_size
  int64_t context = 512;         // tokens of a window, at least 2
  DType kv_dtype = DType::kF32;
  LogitFileWriter* save = nullptr;       // takes the logits of every scored position
  const LogitFile* reference = nullptr;  // to be compared with
  std::function<void(int64_t windows_done, int64_t windows)> on_progress;
};

// How far the distributions P of the reference are from those of this model, Q.
struct Divergence {
  double mean_kl = 0;  // KL(P || Q), nats a position
  double largest_kl = 0;
  double same_top_1 = 0;  // share of the positions whose likeliest token is the same
  double rms_change = 0;  // of the probability of the token that follows, root of mean square
  double reference_perplexity = 0;
};

struct PerplexityReport {
  int64_t num_windows = 0;
  int64_t num_scored = 0;
  double mean_nll = 0;        // negative log likelihood, nats a token
  double standard_error = 0;  // of mean_nll
  double perplexity = 0;      // exp(mean_nll)
  std::optional<Divergence> divergence;
};

// Cuts the ids into consecutive windows, of which a shorter rest is dropped, computes each by
// itself and scores all its positions but the first, as LogSoftmax says. Sums in the order of the
// text, so that they do not depend on the number of threads. Throws Error where the text fills no
// window or is not that of the reference.
PerplexityReport MeasurePerplexity(const Model& model, const PerplexityRequest& request);

// How many windows `num_ids` fill.
inline int64_t CountWindows(int64_t num_ids, int64_t context) { return num_ids / context; }

}  // namespace trinity

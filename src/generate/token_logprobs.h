#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

struct TokenLogprob {
  int32_t id = 0;
  double logprob = 0;  // natural logarithm; -infinity for probability 0
};

// A picked token and the most probable ones in its place.
struct TokenLogprobs {
  TokenLogprob picked;
  std::vector<TokenLogprob> top;  // the most probable first, of equal ones the lowest id first
};

// Log probabilities of the model's own distribution: log softmax of `logits` [vocab_size] over the
// first `num_tokens` ids (the others are padding rows), before logit_bias, penalties and all other
// sampling, as OpenAI's API has them. `top` holds the `num_top` most probable, or all where there
// are fewer. `picked_id` is below num_tokens.
TokenLogprobs TopLogprobs(std::span<const float> logits, int64_t num_tokens, int32_t picked_id,
                          int64_t num_top);

}  // namespace trinity

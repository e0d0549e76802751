#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

// Log probabilities of the model's own distribution, before logit_bias, penalties and all other
// sampling: log softmax over the whole head, as transformers has it, padding rows included. The one
// definition of what answers, prompts and perplexity say of a token. In float64.
class LogSoftmax {
 public:
  // `logits`: [vocab_size]; must outlive it.
  explicit LogSoftmax(std::span<const float> logits);

  // -infinity for probability 0, and where logits are not finite.
  double At(int32_t id) const;

 private:
  std::span<const float> logits_;
  double log_sum_;
};

struct TokenLogprob {
  int32_t id = 0;
  double logprob = 0;  // natural logarithm; -infinity for probability 0
};

// A picked token and the most probable ones in its place.
struct TokenLogprobs {
  TokenLogprob picked;
  std::vector<TokenLogprob> top;  // the most probable first, of equal ones the lowest id first
};

// As LogSoftmax says of `logits` [vocab_size]. `top` holds the `num_top` most probable, or all
// where there are fewer, of the first `num_tokens` ids: the others are padding rows and stand for
// nothing. `picked_id` is below num_tokens.
TokenLogprobs TopLogprobs(std::span<const float> logits, int64_t num_tokens, int32_t picked_id,
                          int64_t num_top);

}  // namespace trinity

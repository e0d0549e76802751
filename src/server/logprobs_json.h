#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "generate/token_logprobs.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// A token as a string of JSON: its text where it is whole UTF-8, else "bytes:\xe2\x82", as OpenAI's
// completions have it.
std::string TokenText(const Tokenizer& tokenizer, int32_t id);

// One element of the "content" of logprobs of a chat completion: token, logprob, bytes,
// top_logprobs. Probability 0 is -9999, since JSON has no infinity.
Json ChatLogprobJson(const TokenLogprobs& token, const Tokenizer& tokenizer);

// The logprobs of a completion: tokens, token_logprobs, top_logprobs, text_offset.
class CompletionLogprobs {
 public:
  explicit CompletionLogprobs(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // `text_offset`: characters of the choice's text before the token.
  void Append(const TokenLogprobs& token, int64_t text_offset);
  // A token that nothing predicts: the first of a prompt.
  void AppendFirst(int32_t id);

  bool is_empty() const { return ids_.empty(); }
  Json ToJson() const;

 private:
  struct Entry {
    double logprob;
    std::vector<TokenLogprob> top;
    int64_t text_offset;
  };

  const Tokenizer& tokenizer_;
  std::vector<int32_t> ids_;
  std::vector<Entry> entries_;  // one for each of ids_
  bool has_first_ = false;
};

// The prompt's tokens: null for the first, then an object by token id of logprob and decoded_token,
// for the token itself and the most likely ones.
Json PromptLogprobsJson(const std::vector<TokenLogprobs>& logprobs, const Tokenizer& tokenizer);

// Characters of well-formed UTF-8.
int64_t CountCharacters(std::string_view text);

}  // namespace trinity

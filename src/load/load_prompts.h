#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "load/load_run_options.h"

namespace trinity {

// Prompts of a wanted number of tokens, the same for the same seed. The first shared_prefix tokens
// are those of all of them, the others differ.
class LoadPrompts {
 public:
  // Common English words, `num_words` of them: what the server's /tokenize is given.
  static std::string Words(uint64_t seed, int64_t num_words);

  // token_ids: of Words, as the server's tokenizer has them; empty where it has no /tokenize, and
  // a word then counts as a token.
  // `options` must outlive this.
  LoadPrompts(const LoadRunOptions& options, std::vector<int32_t> token_ids,
              double tokens_per_word);

  // Whether prompts are token ids, and so exactly as long as was asked for.
  bool are_ids() const { return !options_.is_chat && !token_ids_.empty(); }

  // The body of a request with this prompt.
  Json BodyOf(int64_t prompt_index, const std::string& model) const;

 private:
  std::vector<int32_t> IdsOf(int64_t prompt_index) const;
  std::string TextOf(uint64_t stream, int64_t num_tokens) const;
  void AddPrompt(int64_t prompt_index, Json& body) const;

  const LoadRunOptions& options_;
  std::vector<int32_t> token_ids_;
  double tokens_per_word_;
};

}  // namespace trinity

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generate/stop_matcher.h"
#include "tokenizer/text_stream.h"

namespace trinity {

// The text of one answer, token by token, until a stop string ends it. Releases what is certain:
// whole UTF-8 characters that no stop string can take back. The tokenizer must outlive it.
class AnswerText {
 public:
  // What the first `min_tokens` tokens bring is not searched for stop strings. Throws Error as
  // StopMatcher does.
  AnswerText(const Tokenizer& tokenizer, DecodeSpecial special, std::vector<std::string> stops,
             int64_t min_tokens)
      : stream_(tokenizer, special), matcher_(std::move(stops)), min_tokens_(min_tokens) {}

  // The text that became certain with `id`.
  std::string Append(int32_t id);
  // There are no more tokens: what is still held back. It may complete a stop string.
  std::string Finish();

  // How many of the tokens begin in the first `text_bytes` bytes of the text.
  int64_t NumTokensIn(size_t text_bytes) const;

  // The stop string that ended the text.
  std::optional<std::string> matched_stop() const { return matcher_.matched_stop(); }

 private:
  TextStream stream_;
  StopMatcher matcher_;
  int64_t min_tokens_;
  size_t num_bytes_ = 0;              // of the text with what is held back
  std::vector<size_t> token_begins_;  // in that text
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "chat/reasoning.h"
#include "generate/token_logprobs.h"
#include "server/choice_delta.h"
#include "server/engine_event.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// Turns what the engine says of one answer into the deltas of its choice. Whole replies are sums of
// the same deltas, so that they cannot differ from streamed ones.
class ChoiceBuilder {
 public:
  struct Shape {
    ReplyKind kind = ReplyKind::kText;
    DecodeSpecial special = DecodeSpecial::kSkip;  // of an echoed prompt
    bool has_logprobs = false;
    bool has_token_ids = false;
    // Where reasoning is told from content: whether the prompt has opened it already.
    std::optional<bool> begins_in_reasoning = {};
  };

  // The tokenizer must outlive it.
  ChoiceBuilder(const Tokenizer& tokenizer, int64_t index, const Shape& shape);

  // The prompt as the beginning of the text. `logprobs`: of all its tokens but the first, or none.
  ChoiceDelta Echo(std::span<const int32_t> prompt_ids, std::span<const TokenLogprobs> logprobs);
  ChoiceDelta Append(const TokenEvent& event);
  ChoiceDelta Finish(const AnswerEndEvent& event);

 private:
  ChoiceDelta NewDelta() const;
  Json TextLogprobs(const TokenLogprobs& logprobs) const;  // of one token, in completions
  void AddText(std::string_view text, ChoiceDelta& delta);
  static void AddParts(const std::vector<ReasoningStream::Part>& parts, ChoiceDelta& delta);

  const Tokenizer& tokenizer_;
  int64_t index_;
  Shape shape_;
  std::optional<ReasoningStream> reasoning_;
  int64_t num_characters_ = 0;
};

// Adds `more` at the end of `sum`, a delta of the same choice.
void AddDelta(const ChoiceDelta& more, ChoiceDelta& sum);

}  // namespace trinity

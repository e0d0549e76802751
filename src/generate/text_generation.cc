#include "generate/text_generation.h"

#include "generate/answer_text.h"

namespace trinity {

TextGenerationResult GenerateText(Session& session, const Tokenizer& tokenizer,
                                  const TextGenerationRequest& request, const TextCallback& on_text,
                                  const CancelToken& cancel) {
  Generation generation(session, request.tokens);
  AnswerText answer(tokenizer, request.special, request.stop_strings,
                    request.tokens.sampling.min_tokens);
  TextGenerationResult result;
  const auto release = [&](const std::string& text) {
    if (text.empty()) return;
    result.text += text;
    on_text(text);
  };
  while (const std::optional<int32_t> id = generation.Next(cancel)) {
    release(answer.Append(*id));
    if (answer.matched_stop()) generation.Stop();
  }
  release(answer.Finish());
  if (answer.matched_stop()) generation.Stop();
  result.stop_string = answer.matched_stop();
  result.tokens = generation.TakeResult();
  result.num_tokens_in_text = result.stop_string
                                  ? answer.NumTokensIn(result.text.size())
                                  : static_cast<int64_t>(result.tokens.token_ids.size());
  return result;
}

}  // namespace trinity

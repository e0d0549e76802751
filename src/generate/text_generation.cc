#include "generate/text_generation.h"

#include "generate/stop_matcher.h"

namespace trinity {

TextGenerationResult GenerateText(Session& session, const Tokenizer& tokenizer,
                                  const TextGenerationRequest& request, const TextCallback& on_text,
                                  const CancelToken& cancel) {
  Generation generation(session, request.tokens);
  StopMatcher matcher(request.stop_strings);
  TextStream stream(tokenizer, request.special);
  TextGenerationResult result;
  const auto release = [&](const std::string& text) {
    if (text.empty()) return;
    result.text += text;
    on_text(text);
  };
  const int64_t min_tokens = request.tokens.sampling.min_tokens;
  while (const std::optional<int32_t> id = generation.Next(cancel)) {
    const std::string text = stream.Append(*id);
    const auto num_picked = static_cast<int64_t>(generation.result().token_ids.size());
    release(num_picked <= min_tokens ? text : matcher.Append(text));
    if (matcher.matched_stop()) generation.Stop();
  }
  release(matcher.Append(stream.Finish()));
  release(matcher.Finish());
  if (matcher.matched_stop()) generation.Stop();
  result.stop_string = matcher.matched_stop();
  result.tokens = generation.TakeResult();
  return result;
}

}  // namespace trinity

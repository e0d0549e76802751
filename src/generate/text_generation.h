#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generate/generation.h"
#include "tokenizer/text_stream.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

struct TextGenerationRequest {
  GenerationRequest tokens = {};
  // The first that appears ends the text and is not part of it. What the first sampling.min_tokens
  // tokens bring is not looked at.
  std::vector<std::string> stop_strings = {};
  DecodeSpecial special = DecodeSpecial::kSkip;
};

struct TextGenerationResult {
  std::string text;
  std::optional<std::string> stop_string;  // that ended it
  GenerationResult tokens;                 // those of the stop string included
  // Those that begin in the text; what the others brought has been cut off with the stop string.
  int64_t num_tokens_in_text = 0;
};

// Called with text that is certain: whole UTF-8 characters that no stop string can take back.
using TextCallback = std::function<void(std::string_view text)>;

// As Generate, with text instead of ids. Throws Error for bad stop strings before anything is
// computed.
TextGenerationResult GenerateText(Session& session, const Tokenizer& tokenizer,
                                  const TextGenerationRequest& request, const TextCallback& on_text,
                                  const CancelToken& cancel);

}  // namespace trinity

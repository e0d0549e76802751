#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "generate/generation.h"

namespace trinity {

enum class ReplyKind { kChat, kText };

// What one choice of a reply has got more: an event of a stream, or, all of them added up, the
// choice of a whole reply.
struct ChoiceDelta {
  int64_t index = 0;
  std::string content;
  std::string reasoning;            // chat only
  std::vector<Json> chat_logprobs;  // elements of "content"
  Json text_logprobs;               // null: none
  std::vector<int32_t> token_ids;
  std::optional<FinishReason> finish_reason;
  std::optional<std::string> stop_string;  // that ended it
};

}  // namespace trinity

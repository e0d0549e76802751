#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/choice_delta.h"

namespace trinity {

// What all events of one reply have in common.
struct ReplyIdentity {
  ReplyKind kind = ReplyKind::kChat;
  std::string id;     // "chatcmpl-..."
  std::string model;  // under the name that the request gave
  int64_t created_s = 0;
  bool has_token_ids = false;
};

struct ReplyUsage {
  int64_t num_prompt_tokens = 0;
  int64_t num_cached_tokens = 0;  // of these
  int64_t num_answer_tokens = 0;
};

// Of the slowest prompt of a request, in seconds.
struct ReplyTimes {
  double queued_s = 0;
  double prefill_s = 0;  // the first token comes with the prompt
  double decode_s = 0;   // the tokens after it
};

// In the shapes of OpenAI's chat.completion and text_completion, and of the chunks of streams.
Json RenderReply(const ReplyIdentity& identity, const std::vector<ChoiceDelta>& choices,
                 const ReplyUsage& usage, const ReplyTimes& times);
// The first chunk of a choice of a chat.
Json RenderRoleChunk(const ReplyIdentity& identity, int64_t index);
Json RenderChunk(const ReplyIdentity& identity, const ChoiceDelta& delta);
// The last chunk, where it was asked for: it has usage and times, and no choices.
Json RenderUsageChunk(const ReplyIdentity& identity, const ReplyUsage& usage,
                      const ReplyTimes& times);

}  // namespace trinity

#include "server/reply_json.h"

#include <nlohmann/json.hpp>

namespace trinity {
namespace {

Json Head(const ReplyIdentity& identity, bool is_chunk) {
  Json json;
  json["id"] = identity.id;
  if (identity.kind == ReplyKind::kText) {
    json["object"] = "text_completion";
  } else {
    json["object"] = is_chunk ? "chat.completion.chunk" : "chat.completion";
  }
  json["created"] = identity.created_s;
  json["model"] = identity.model;
  json["choices"] = Json::array();
  return json;
}

Json UsageJson(const ReplyUsage& usage) {
  return {{"prompt_tokens", usage.num_prompt_tokens},
          {"completion_tokens", usage.num_answer_tokens},
          {"total_tokens", usage.num_prompt_tokens + usage.num_answer_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.num_cached_tokens}}}};
}

// As llama.cpp calls them, in milliseconds; queued_ms is ours.
Json TimingsJson(const ReplyTimes& times) {
  return {{"queued_ms", times.queued_s * 1000},
          {"prompt_ms", times.prefill_s * 1000},
          {"predicted_ms", times.decode_s * 1000}};
}

Json ChatLogprobs(const ChoiceDelta& delta) {
  if (delta.chat_logprobs.empty()) return nullptr;
  return {{"content", delta.chat_logprobs}, {"refusal", nullptr}};
}

// What stands at the end of each choice, whole or chunk.
void AddEnd(const ReplyIdentity& identity, const ChoiceDelta& delta, Json& choice) {
  choice["finish_reason"] =
      delta.finish_reason ? Json(std::string(NameOf(*delta.finish_reason))) : Json();
  if (delta.finish_reason) {
    choice["stop_reason"] = delta.stop_string ? Json(*delta.stop_string) : Json();
  }
  if (identity.has_token_ids) choice["token_ids"] = delta.token_ids;
}

Json TextChoice(const ReplyIdentity& identity, const ChoiceDelta& delta) {
  Json choice = {
      {"index", delta.index}, {"text", delta.content}, {"logprobs", delta.text_logprobs}};
  AddEnd(identity, delta, choice);
  return choice;
}

Json WholeChatChoice(const ReplyIdentity& identity, const ChoiceDelta& delta) {
  Json message = {{"role", "assistant"}, {"content", delta.content}, {"refusal", nullptr}};
  if (!delta.reasoning.empty()) message["reasoning_content"] = delta.reasoning;
  Json choice = {{"index", delta.index}, {"message", message}, {"logprobs", ChatLogprobs(delta)}};
  AddEnd(identity, delta, choice);
  return choice;
}

}  // namespace

Json RenderReply(const ReplyIdentity& identity, const std::vector<ChoiceDelta>& choices,
                 const ReplyUsage& usage, const ReplyTimes& times) {
  Json json = Head(identity, /*is_chunk=*/false);
  for (const ChoiceDelta& choice : choices) {
    json["choices"].push_back(identity.kind == ReplyKind::kChat ? WholeChatChoice(identity, choice)
                                                                : TextChoice(identity, choice));
  }
  json["usage"] = UsageJson(usage);
  json["timings"] = TimingsJson(times);
  return json;
}

Json RenderRoleChunk(const ReplyIdentity& identity, int64_t index) {
  Json json = Head(identity, /*is_chunk=*/true);
  json["choices"].push_back({{"index", index},
                             {"delta", {{"role", "assistant"}, {"content", ""}}},
                             {"logprobs", nullptr},
                             {"finish_reason", nullptr}});
  return json;
}

Json RenderChunk(const ReplyIdentity& identity, const ChoiceDelta& delta) {
  Json json = Head(identity, /*is_chunk=*/true);
  if (identity.kind == ReplyKind::kText) {
    json["choices"].push_back(TextChoice(identity, delta));
    return json;
  }
  Json content = Json::object();
  if (!delta.reasoning.empty()) content["reasoning_content"] = delta.reasoning;
  if (!delta.content.empty()) content["content"] = delta.content;
  Json choice = {{"index", delta.index}, {"delta", content}, {"logprobs", ChatLogprobs(delta)}};
  AddEnd(identity, delta, choice);
  json["choices"].push_back(std::move(choice));
  return json;
}

Json RenderUsageChunk(const ReplyIdentity& identity, const ReplyUsage& usage,
                      const ReplyTimes& times) {
  Json json = Head(identity, /*is_chunk=*/true);
  json["usage"] = UsageJson(usage);
  json["timings"] = TimingsJson(times);
  return json;
}

}  // namespace trinity

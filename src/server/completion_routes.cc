#include "server/completion_routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "chat/reasoning.h"
#include "server/chat_prompt.h"
#include "server/completion_options.h"
#include "server/completion_reply.h"
#include "server/token_prompt.h"
#include "tokenizer/user_text.h"

namespace trinity {
namespace {

constexpr int64_t kDefaultCompletionTokens = 16;  // as OpenAI's

// What chats and texts have in common, from what their requests ask for.
CompletionReply::Plan PlanReply(const ApiCall& call, const RequestBody& body,
                                const CompletionOptions& read, ReplyKind kind) {
  call.record->Update([&](RequestRecord::Facts& facts) {
    facts.sampling = DescribeSampling(read.request.text.tokens.sampling);
  });
  CompletionReply::Plan plan;
  const char* prefix = kind == ReplyKind::kChat ? "chatcmpl-" : "cmpl-";
  plan.identity = {kind, prefix + call.record->facts().id, call.ModelName(body),
                   std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count(),
                   read.returns_token_ids};
  plan.shape.kind = kind;
  plan.shape.special = read.request.text.special;
  plan.shape.has_logprobs = read.request.text.tokens.num_logprobs.has_value();
  plan.shape.has_token_ids = read.returns_token_ids;
  plan.headers = call.headers;
  plan.streams = read.streams;
  plan.includes_usage = read.includes_usage;
  plan.num_prompt_logprobs = read.request.num_prompt_logprobs;
  return plan;
}

void StartReply(ApiCall& call, CompletionReply::Plan plan) {
  std::make_shared<CompletionReply>(call.exchange, call.record, call.model.tokenizer,
                                    std::move(plan))
      ->Start(call.engine, call.deliveries);
}

std::optional<int64_t> ReadChatLogprobs(const RequestBody& body) {
  const bool wants_logprobs = body.FindBoolean("logprobs").value_or(false);
  const std::optional<int64_t> num_top = body.FindInteger("top_logprobs");
  if (num_top.value_or(0) > 0 && !wants_logprobs) {
    throw ApiError(400, "top_logprobs: expected only with logprobs: true", "top_logprobs");
  }
  if (!wants_logprobs) return std::nullopt;
  return num_top.value_or(0);
}

// Tags of reasoning that are special tokens would be left out of the text, and with them what tells
// reasoning from content.
void KeepReasoningTags(const Tokenizer& tokenizer, EngineRequest& request) {
  const std::optional<int32_t> tag = tokenizer.FindToken("</think>");
  if (tag && tokenizer.IsSpecial(*tag)) request.text.special = DecodeSpecial::kKeep;
}

}  // namespace

void AnswerChatCompletion(ApiCall& call) {
  const RequestBody body = call.ReadBody(ChatCompletionFields());
  CompletionOptions read = ReadCompletionOptions(body, call.model, call.options);
  GenerationRequest& tokens = read.request.text.tokens;
  tokens.max_tokens = body.FindInteger("max_completion_tokens");
  if (!tokens.max_tokens) tokens.max_tokens = body.FindInteger("max_tokens");
  tokens.num_logprobs = ReadChatLogprobs(body);
  read.request.deadline = call.deadline;

  const ChatPrompt prompt = EncodeChatPrompt(body, call.model);
  if (call.options.logs_prompts) {
    call.record->Update(
        [&](RequestRecord::Facts& facts) { facts.prompt = UserText::WithoutMarks(prompt.text); });
  }
  tokens.prompt_ids = prompt.ids;
  read.request.turn_ends = prompt.turn_ends;
  CompletionReply::Plan plan = PlanReply(call, body, read, ReplyKind::kChat);
  if (call.model.format->TakesReasoning()) {
    plan.shape.begins_in_reasoning = BeginsInReasoning(prompt.text);
    KeepReasoningTags(call.model.tokenizer, read.request);
  }
  plan.requests.push_back(std::move(read.request));
  StartReply(call, std::move(plan));
}

void AnswerCompletion(ApiCall& call) {
  const RequestBody body = call.ReadBody(CompletionFields());
  CompletionOptions read = ReadCompletionOptions(body, call.model, call.options);
  EngineRequest& request = read.request;
  request.text.tokens.max_tokens =
      body.FindInteger("max_tokens").value_or(kDefaultCompletionTokens);
  const std::optional<int64_t> num_logprobs = body.FindInteger("logprobs");
  request.text.tokens.num_logprobs = num_logprobs;
  request.deadline = call.deadline;

  const bool adds_special = body.FindBoolean("add_special_tokens").value_or(true);
  std::vector<std::vector<int32_t>> prompts = ReadTokenPrompts(
      "prompt", *body.Find("prompt"), call.model,
      adds_special ? SpecialTokens::kAdd : SpecialTokens::kLeaveOut, call.options.max_prompts);
  const auto num_choices = static_cast<int64_t>(prompts.size()) * request.num_answers;
  if (num_choices > call.options.max_prompts) {
    throw ApiError(400,
                   fmt::format("n: expected at most {} answers to all prompts together, found {}",
                               call.options.max_prompts, num_choices),
                   "n");
  }
  if (call.options.logs_prompts) {
    call.record->Update([&](RequestRecord::Facts& facts) {
      for (const auto& ids : prompts) {
        facts.prompt += call.model.tokenizer.Decode(ids, DecodeSpecial::kKeep);
      }
    });
  }
  CompletionReply::Plan plan = PlanReply(call, body, read, ReplyKind::kText);
  plan.echoes = body.FindBoolean("echo").value_or(false);
  if (plan.echoes && num_logprobs) {
    plan.num_echo_logprobs = num_logprobs;
    request.num_prompt_logprobs = std::max(request.num_prompt_logprobs.value_or(0), *num_logprobs);
  }
  for (std::vector<int32_t>& ids : prompts) {
    EngineRequest one = request;
    one.text.tokens.prompt_ids = std::move(ids);
    plan.requests.push_back(std::move(one));
  }
  StartReply(call, std::move(plan));
}

}  // namespace trinity

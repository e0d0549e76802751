#include "cli/conversation.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "chat/reasoning.h"
#include "chat/shielded_messages.h"
#include "tokenizer/user_text.h"

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;

size_t CommonPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t size = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < size && a[i] == b[i]) ++i;
  return i;
}

bool HasRole(const Json& message, const char* role) { return message.at("role") == role; }

}  // namespace

Conversation::Conversation(const LanguageModel& model, Session& session)
    : model_(model),
      session_(session),
      messages_(std::make_unique<Json>(Json::array())),
      kwargs_(std::make_unique<Json>(Json::object())) {}

Conversation::~Conversation() = default;

void Conversation::SetKwargs(const Json& kwargs) { *kwargs_ = kwargs; }

void Conversation::SetMessages(const Json& messages) { *messages_ = messages; }

void Conversation::AddUser(const std::string& text) {
  messages_->push_back({{"role", "user"}, {"content", ToValidUtf8(text)}});
}

TurnReport Conversation::Answer(TextGenerationRequest request, const AnswerListener& listener,
                                const CancelToken& cancel) {
  const size_t num_messages = messages_->size();
  try {
    const TurnReport report = Continue(std::move(request), listener, cancel);
    if (messages_->size() == num_messages) messages_->erase(num_messages - 1);
    return report;
  } catch (...) {
    messages_->erase(num_messages - 1);
    throw;
  }
}

TurnReport Conversation::Continue(TextGenerationRequest request, const AnswerListener& listener,
                                  const CancelToken& cancel) {
  const std::string prompt = RenderPrompt();
  const std::vector<int32_t> ids = EncodePrompt(prompt);
  const auto num_ids = static_cast<int64_t>(ids.size());
  if (ids.empty()) Fail("the chat template makes no prompt of these messages");
  if (num_ids > session_.max_context()) {
    Fail("the conversation has {} tokens: expected at most {}, the context", num_ids,
         session_.max_context());
  }
  const bool begins_in_reasoning = BeginsInReasoning(prompt);
  listener.on_begin(begins_in_reasoning);
  TurnReport report;
  report.prompt_tokens = num_ids;
  const std::span<const int32_t> all(ids);
  const auto most = static_cast<int64_t>(
      std::min(CommonPrefix(session_.token_ids(), all), ids.size() - 1));  // one gives the logits
  report.reused_tokens = session_.RewindTo(most);
  report.computed_tokens = num_ids - report.reused_tokens;

  auto first = static_cast<size_t>(report.reused_tokens);
  const size_t boundary = std::min(EndOfMessages(ids), ids.size() - 1);
  const Clock::time_point start = Clock::now();
  if (boundary > first) {
    session_.Append(all.subspan(first, boundary - first), cancel);
    first = boundary;
  }
  if (cancel.is_cancelled()) {
    report.finish_reason = FinishReason::kCancelled;
    report.computed_tokens = session_.length() - report.reused_tokens;
    return report;
  }
  if (session_.length() > 0) session_.Mark();
  report.prefill_s = std::chrono::duration<double>(Clock::now() - start).count();

  request.tokens.prompt_ids.assign(all.begin() + static_cast<std::ptrdiff_t>(first), all.end());
  const std::optional<int32_t> tag = model_.tokenizer.FindToken("</think>");
  if (tag && model_.tokenizer.IsSpecial(*tag)) request.special = DecodeSpecial::kKeep;
  const TextGenerationResult result =
      GenerateText(session_, model_.tokenizer, request, listener.on_text, cancel);
  report.answer_tokens = static_cast<int64_t>(result.tokens.token_ids.size());
  report.prefill_s += result.tokens.prefill_s;
  report.decode_s = result.tokens.decode_s;
  report.num_decode_steps = result.tokens.num_decode_steps;
  report.finish_reason = result.tokens.finish_reason;
  if (result.tokens.token_ids.empty() && report.finish_reason == FinishReason::kCancelled) {
    return report;
  }
  known_ids_ = ids;
  known_prompt_bytes_ = prompt.size();
  known_prompt_ids_ = ids.size();
  known_ids_.insert(known_ids_.end(), result.tokens.token_ids.begin(),
                    result.tokens.token_ids.end());
  known_text_ = prompt + model_.tokenizer.Decode(result.tokens.token_ids, DecodeSpecial::kKeep);
  AddAnswer(result.text, begins_in_reasoning);
  return report;
}

void Conversation::AddAnswer(const std::string& text, bool begins_in_reasoning) {
  Json message = {{"role", "assistant"}, {"content", text}};
  if (model_.format().TakesReasoning()) {
    const ReasonedAnswer answer = SplitReasoning(text, begins_in_reasoning);
    message["content"] = answer.content;
    if (!answer.reasoning.empty()) message["reasoning_content"] = answer.reasoning;
  }
  messages_->push_back(std::move(message));
}

std::string Conversation::Render(End end) const {
  const Json messages = ShieldMessages(*messages_, UserText(model_.tokenizer));
  ChatRequest request{messages};
  request.kwargs = kwargs_.get();
  request.add_generation_prompt = end == End::kBeginsAnswer;
  return model_.format().Render(request);
}

std::vector<int32_t> Conversation::Encode(const std::string& text) const {
  return UserText(model_.tokenizer).Encode(text);  // the template writes BOS
}

// Where the text goes on from the last answer, the ids that the model picked stand for it: encoding
// it again might cut it into others. What follows an answer must begin with a token of its own, so
// that nothing joins across.
std::vector<int32_t> Conversation::EncodePrompt(const std::string& text) const {
  if (!known_text_.empty() && text.starts_with(known_text_)) {
    const std::vector<int32_t> rest = Encode(text.substr(known_text_.size()));
    if (!rest.empty() && model_.tokenizer.IsSpecial(rest[0])) {
      std::vector<int32_t> ids = known_ids_;
      ids.insert(ids.end(), rest.begin(), rest.end());
      return ids;
    }
  }
  if (known_prompt_ids_ > 0 &&
      text == std::string_view(known_text_).substr(0, known_prompt_bytes_)) {
    return {known_ids_.begin(),
            known_ids_.begin() + static_cast<std::ptrdiff_t>(known_prompt_ids_)};
  }
  return Encode(text);
}

size_t Conversation::EndOfMessages(const std::vector<int32_t>& ids) const {
  try {
    return CommonPrefix(ids, EncodePrompt(Render(End::kAfterMessages)));
  } catch (const Error&) {
    return 0;  // a template that wants an answer: nothing is lost but a place to come back to
  }
}

bool Conversation::RemoveLastAnswer() {
  if (messages_->empty() || !HasRole(messages_->back(), "assistant")) return false;
  messages_->erase(messages_->size() - 1);
  return true;
}

bool Conversation::RemoveLastTurn() {
  if (!RemoveLastAnswer()) return false;
  messages_->erase(messages_->size() - 1);
  return true;
}

void Conversation::Clear() {
  const std::optional<std::string> text = system();
  *messages_ = Json::array();
  SetSystem(text.value_or(""));
}

std::optional<std::string> Conversation::system() const {
  if (messages_->empty() || !HasRole(messages_->front(), "system")) return std::nullopt;
  return messages_->front().at("content").get<std::string>();
}

void Conversation::SetSystem(const std::string& text) {
  if (system()) messages_->erase(size_t{0});
  if (text.empty()) return;
  const Json message = {{"role", "system"}, {"content", ToValidUtf8(text)}};
  messages_->insert(messages_->begin(), message);
}

int64_t Conversation::num_turns() const {
  return std::count_if(messages_->begin(), messages_->end(),
                       [](const Json& message) { return HasRole(message, "assistant"); });
}

}  // namespace trinity

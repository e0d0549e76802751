#include "load/completion_stream.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "load/load_failure.h"
#include "load/server_error.h"

namespace trinity {
namespace {

const Json* Find(const Json& parent, const char* key) {
  if (!parent.is_object()) return nullptr;
  const auto found = parent.find(key);
  return found == parent.end() || found->is_null() ? nullptr : &*found;
}

void TakeCount(const Json& parent, const char* key, std::optional<int64_t>& count) {
  const Json* value = Find(parent, key);
  if (value != nullptr && value->is_number_integer()) count = value->get<int64_t>();
}

[[noreturn]] void Refuse(std::string_view expected, std::string_view data) {
  throw LoadFailure("bad event",
                    fmt::format("expected {} in an event, found {}", expected, Printable(data)));
}

Json ParseEvent(std::string_view data) {
  try {
    return ParseJson(data, "event");
  } catch (const Error& bad) {
    throw LoadFailure("bad event", bad.what());
  }
}

}  // namespace

bool CompletionStream::TakeEvent(std::string_view data) {
  if (data == "[DONE]") {
    is_done_ = true;
    return false;
  }
  const Json event = ParseEvent(data);
  if (Find(event, "error") != nullptr) {
    throw LoadFailure("error event", ServerErrorText(event));
  }
  if (const Json* usage = Find(event, "usage")) TakeUsage(*usage);
  const Json* choices = Find(event, "choices");
  if (choices == nullptr || !choices->is_array()) Refuse("choices", data);
  bool has_text = false;
  for (const Json& choice : *choices) {
    if (!choice.is_object()) Refuse("objects as choices", data);
    has_text |= TakeChoice(choice);
  }
  return has_text;
}

bool CompletionStream::TakeChoice(const Json& choice) {
  bool has_text = TakeText(choice, "text");
  if (const Json* delta = Find(choice, "delta")) {
    has_text |= TakeText(*delta, "reasoning_content");
    has_text |= TakeText(*delta, "content");
  }
  if (const Json* logprobs = Find(choice, "logprobs")) TakeLogprobs(*logprobs);
  const Json* reason = Find(choice, "finish_reason");
  if (reason != nullptr && reason->is_string()) {
    end_hash_ = FnvHash(reason->get_ref<const std::string&>(), end_hash_);
  }
  return has_text;
}

bool CompletionStream::TakeText(const Json& parent, const char* key) {
  const Json* text = Find(parent, key);
  if (text == nullptr || !text->is_string()) return false;
  const auto& bytes = text->get_ref<const std::string&>();
  text_hash_ = FnvHash(bytes, text_hash_);
  return !bytes.empty();
}

void CompletionStream::TakeLogprobs(const Json& logprobs) {
  const auto take = [this](const Json& value) {
    has_logprobs_ = true;
    logprobs_hash_ = FnvHash(value.dump(), logprobs_hash_);
  };
  // Of a completion, and of a chat.
  const Json* values = Find(logprobs, "token_logprobs");
  if (values != nullptr && values->is_array()) {
    for (const Json& value : *values) take(value);
  }
  const Json* tokens = Find(logprobs, "content");
  if (tokens == nullptr || !tokens->is_array()) return;
  for (const Json& token : *tokens) {
    if (const Json* value = Find(token, "logprob")) take(*value);
  }
}

void CompletionStream::TakeUsage(const Json& usage) {
  TakeCount(usage, "prompt_tokens", num_prompt_tokens_);
  TakeCount(usage, "completion_tokens", num_answer_tokens_);
  if (const Json* details = Find(usage, "prompt_tokens_details")) {
    TakeCount(*details, "cached_tokens", num_cached_tokens_);
  }
}

uint64_t CompletionStream::Digest() const {
  return FnvHash(fmt::format("{:x} {:x} {:x}", text_hash_, logprobs_hash_, end_hash_));
}

}  // namespace trinity

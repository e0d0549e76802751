#include "chat/reasoning.h"

#include <algorithm>

namespace trinity {
namespace {

constexpr std::string_view kOpen = "<think>";
constexpr std::string_view kClose = "</think>";
constexpr std::string_view kSpace = " \t\r\n";

std::string_view TrimLeft(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  return first == text.npos ? std::string_view() : text.substr(first);
}

std::string_view Trim(std::string_view text) {
  text = TrimLeft(text);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

// How many bytes at the end of `text` may become part of `tag`.
size_t HeldByTag(std::string_view text, std::string_view tag) {
  for (size_t size = std::min(text.size(), tag.size() - 1); size > 0; --size) {
    if (text.ends_with(tag.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

bool BeginsInReasoning(std::string_view prompt) {
  const size_t end = prompt.find_last_not_of(kSpace);
  return end != prompt.npos && prompt.substr(0, end + 1).ends_with(kOpen);
}

ReasonedAnswer SplitReasoning(std::string_view answer, bool begins_in_reasoning) {
  const std::string_view start = TrimLeft(answer);
  const bool opens = start.starts_with(kOpen);
  const std::string_view body = opens ? start.substr(kOpen.size()) : answer;
  const size_t close = body.find(kClose);
  if (close == body.npos) {
    if (!opens && !begins_in_reasoning) return {"", std::string(answer)};
    return {std::string(Trim(body)), ""};
  }
  return {std::string(Trim(body.substr(0, close))),
          std::string(TrimLeft(body.substr(close + kClose.size())))};
}

ReasoningStream::ReasoningStream(bool begins_in_reasoning)
    : begins_in_reasoning_(begins_in_reasoning) {}

std::vector<ReasoningStream::Part> ReasoningStream::Append(std::string_view text) {
  held_ += text;
  return Take(false);
}

std::vector<ReasoningStream::Part> ReasoningStream::Finish() { return Take(true); }

std::vector<ReasoningStream::Part> ReasoningStream::Take(bool is_end) {
  std::vector<Part> parts;
  while (TakeStep(is_end, parts)) {
  }
  return parts;
}

// True where the state has changed, so that what is held means something else now.
bool ReasoningStream::TakeStep(bool is_end, std::vector<Part>& parts) {
  const auto release = [&](bool is_reasoning, size_t size) {
    if (size > 0) parts.push_back({is_reasoning, held_.substr(0, size)});
    held_.erase(0, size);
  };
  if (state_ == State::kContent) {
    release(false, held_.size());
    return false;
  }
  const bool is_shown = state_ == State::kReasoning && has_shown_reasoning_;
  if (!is_shown && state_ != State::kBeginning) held_ = std::string(TrimLeft(held_));
  if (state_ == State::kAfterReasoning) {
    if (held_.empty()) return false;
    state_ = State::kContent;
    return true;
  }
  if (state_ == State::kBeginning) {
    const std::string_view start = TrimLeft(held_);
    const bool opens = start.starts_with(kOpen);
    if (!opens && !is_end && kOpen.starts_with(start)) return false;  // not known yet
    if (opens) held_ = std::string(start.substr(kOpen.size()));
    state_ = opens || begins_in_reasoning_ ? State::kReasoning : State::kContent;
    return true;
  }
  const size_t close = held_.find(kClose);
  std::string_view certain = std::string_view(held_).substr(0, close);
  if (close == held_.npos && !is_end) certain.remove_suffix(HeldByTag(held_, kClose));
  const size_t size = certain.find_last_not_of(kSpace) + 1;  // the rest may stand before the tag
  if (size > 0) has_shown_reasoning_ = true;
  release(true, size);
  if (close == held_.npos && held_.find(kClose) == held_.npos) return false;
  held_.erase(0, held_.find(kClose) + kClose.size());
  state_ = State::kAfterReasoning;
  return true;
}

}  // namespace trinity

#include "server/choice_builder.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/logprobs_json.h"
#include "tokenizer/text_stream.h"

namespace trinity {

ChoiceBuilder::ChoiceBuilder(const Tokenizer& tokenizer, int64_t index, const Shape& shape)
    : tokenizer_(tokenizer), index_(index), shape_(shape) {
  if (shape.begins_in_reasoning) reasoning_.emplace(*shape.begins_in_reasoning);
}

ChoiceDelta ChoiceBuilder::NewDelta() const {
  ChoiceDelta delta;
  delta.index = index_;
  return delta;
}

ChoiceDelta ChoiceBuilder::Echo(std::span<const int32_t> prompt_ids,
                                std::span<const TokenLogprobs> logprobs) {
  ChoiceDelta delta = NewDelta();
  CompletionLogprobs list(tokenizer_);
  TextStream stream(tokenizer_, shape_.special);
  for (size_t i = 0; i < prompt_ids.size(); ++i) {
    if (i == 0) {
      list.AppendFirst(prompt_ids[0]);
    } else if (i <= logprobs.size()) {
      list.Append(logprobs[i - 1], num_characters_);
    }
    AddText(stream.Append(prompt_ids[i]), delta);
  }
  AddText(stream.Finish(), delta);
  if (shape_.has_logprobs) delta.text_logprobs = list.ToJson();
  if (shape_.has_token_ids) delta.token_ids.assign(prompt_ids.begin(), prompt_ids.end());
  return delta;
}

ChoiceDelta ChoiceBuilder::Append(const TokenEvent& event) {
  ChoiceDelta delta = NewDelta();
  if (shape_.has_logprobs && event.logprobs) {
    if (shape_.kind == ReplyKind::kChat) {
      delta.chat_logprobs.push_back(ChatLogprobJson(*event.logprobs, tokenizer_));
    } else {
      delta.text_logprobs = TextLogprobs(*event.logprobs);
    }
  }
  if (shape_.has_token_ids) delta.token_ids.push_back(event.id);
  AddText(event.text, delta);
  return delta;
}

Json ChoiceBuilder::TextLogprobs(const TokenLogprobs& logprobs) const {
  CompletionLogprobs list(tokenizer_);
  list.Append(logprobs, num_characters_);
  return list.ToJson();
}

ChoiceDelta ChoiceBuilder::Finish(const AnswerEndEvent& event) {
  ChoiceDelta delta = NewDelta();
  AddText(event.text, delta);
  // Clients of completions count on an entry for each token that was picked: those that score
  // texts ask for one token after them and take the last entry off.
  if (shape_.has_logprobs && shape_.kind == ReplyKind::kText && event.stop_logprobs) {
    delta.text_logprobs = TextLogprobs(*event.stop_logprobs);
  }
  if (reasoning_) AddParts(reasoning_->Finish(), delta);
  delta.finish_reason = event.reason;
  delta.stop_string = event.stop_string;
  return delta;
}

void ChoiceBuilder::AddText(std::string_view text, ChoiceDelta& delta) {
  num_characters_ += CountCharacters(text);
  if (reasoning_) {
    AddParts(reasoning_->Append(text), delta);
  } else {
    delta.content += text;
  }
}

void ChoiceBuilder::AddParts(const std::vector<ReasoningStream::Part>& parts, ChoiceDelta& delta) {
  for (const ReasoningStream::Part& part : parts) {
    (part.is_reasoning ? delta.reasoning : delta.content) += part.text;
  }
}

void AddDelta(const ChoiceDelta& more, ChoiceDelta& sum) {
  sum.content += more.content;
  sum.reasoning += more.reasoning;
  sum.chat_logprobs.insert(sum.chat_logprobs.end(), more.chat_logprobs.begin(),
                           more.chat_logprobs.end());
  sum.token_ids.insert(sum.token_ids.end(), more.token_ids.begin(), more.token_ids.end());
  if (!more.text_logprobs.is_null()) {
    if (sum.text_logprobs.is_null()) {
      sum.text_logprobs = more.text_logprobs;
    } else {
      for (const auto& [key, list] : more.text_logprobs.items()) {
        for (const Json& element : list) sum.text_logprobs[key].push_back(element);
      }
    }
  }
  if (more.finish_reason) sum.finish_reason = more.finish_reason;
  if (more.stop_string) sum.stop_string = more.stop_string;
}

}  // namespace trinity

#pragma once

#include <map>
#include <string>

#include "cli/answer_flags.h"
#include "cli/language_model.h"
#include "cli/sampling_flags.h"

namespace trinity {

// How a chat answers: what its command line says, and over it what /set has changed since.
class ChatSettings {
 public:
  // `model` must outlive it. Throws UsageError for flags that do not fit it or each other.
  ChatSettings(const AnswerFlags& given, const LanguageModel& model);

  // `name` is one of the flags of AnswerFlags::AddSettingsTo without its dashes, or "think" (on,
  // off). An empty value takes back what was set under this name. Throws UsageError, and changes
  // nothing then. A seed that was drawn stays, unless it is the one that is taken back.
  void Set(const std::string& name, const std::string& value);

  const AnswerFlags& flags() const { return flags_; }
  const ChosenSampling& sampling() const { return sampling_; }
  // "greedy: temperature 0 (flag: temperature); max_tokens 3; stop "x"; think off"
  std::string ToText() const;

 private:
  using Texts = std::map<std::string, std::string>;  // by the main name of each setting
  AnswerFlags FlagsWith(const Texts& texts) const;
  ChosenSampling Choose(const AnswerFlags& flags) const;

  const LanguageModel& model_;
  AnswerFlags given_;
  Texts texts_;
  AnswerFlags flags_;
  ChosenSampling sampling_;
};

}  // namespace trinity

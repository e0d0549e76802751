#include "cli/chat_settings.h"

#include <fmt/ranges.h>

#include <vector>

#include "base/error.h"
#include "generate/stop_matcher.h"

namespace trinity {
namespace {

constexpr const char* kThink = "think";

void SetThinking(const std::string& value, AnswerFlags& flags) {
  if (value != "on" && value != "off") {
    throw UsageError(fmt::format("think: expected on or off, found \"{}\"", Printable(value)));
  }
  flags.thinks = value == "on";
  flags.thinks_not = !flags.thinks;
}

std::string MainNameOf(const std::string& name) {
  if (name == kThink) return name;
  AnswerFlags any;
  CommandLine line("/set", "", "");
  any.AddSettingsTo(line);
  if (const std::optional<std::string> main = line.MainNameOf("--" + name)) return *main;
  throw UsageError(fmt::format("/set: expected one of think, {}, found \"{}\"",
                               fmt::join(line.FlagNames(), ", "), Printable(name)));
}

}  // namespace

ChatSettings::ChatSettings(const AnswerFlags& given, const LanguageModel& model)
    : model_(model), given_(given), flags_(given), sampling_(Choose(given)) {}

ChosenSampling ChatSettings::Choose(const AnswerFlags& flags) const {
  const StopMatcher checked(flags.stops);  // throws
  return flags.sampling.Choose(model_.sampling_defaults, model_.tokenizer, model_.num_tokens);
}

AnswerFlags ChatSettings::FlagsWith(const Texts& texts) const {
  AnswerFlags flags = given_;
  CommandLine line("/set", "", "");
  flags.AddSettingsTo(line);
  std::vector<std::string> words;
  for (const auto& [name, text] : texts) {
    if (name == kThink) {
      SetThinking(text, flags);
    } else {
      words.insert(words.end(), {"--" + name, text});
    }
  }
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  line.Parse(arguments);
  return flags;
}

void ChatSettings::Set(const std::string& name, const std::string& value) {
  const std::string main_name = MainNameOf(name);
  Texts texts = texts_;
  if (value.empty()) {
    texts.erase(main_name);
  } else {
    texts[main_name] = value;
  }
  const AnswerFlags flags = FlagsWith(texts);
  ChosenSampling sampling = Choose(flags);
  if (!flags.sampling.seed && main_name != "seed") sampling.options.seed = sampling_.options.seed;
  texts_ = texts;
  flags_ = flags;
  sampling_ = sampling;
}

std::string ChatSettings::ToText() const {
  std::string text = sampling_.ToText();
  if (flags_.max_tokens) text += fmt::format("; max_tokens {}", *flags_.max_tokens);
  for (const std::string& stop : flags_.stops)
    text += fmt::format("; stop \"{}\"", Printable(stop));
  if (flags_.thinks || flags_.thinks_not) {
    text += fmt::format("; think {}", flags_.thinks ? "on" : "off");
  }
  return text;
}

}  // namespace trinity

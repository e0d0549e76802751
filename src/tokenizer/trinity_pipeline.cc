#include "tokenizer/trinity_pipeline.h"

#include <string>

#include "tokenizer/known_regexes.h"

namespace trinity {
namespace {

constexpr size_t kNumDigitRegexes = kTrinityDigitRegexes.size();
constexpr size_t kNumSteps = kNumDigitRegexes + 4;  // Digits, those, two more Splits, ByteLevel

// The pattern of step `index`, if it is a Split.
std::string_view PatternOf(size_t index) {
  if (index == 0 || index + 1 == kNumSteps) return {};
  if (index <= kNumDigitRegexes) return kTrinityDigitRegexes[index - 1];
  return index == kNumDigitRegexes + 1 ? kTrinityScriptRegex : kTrinityWordRegex;
}

}  // namespace

std::vector<PreTokenizerStep> TrinityPreTokenizerSteps() {
  std::vector<PreTokenizerStep> steps;
  steps.emplace_back(DigitsStep{.individual_digits = false});
  for (size_t i = 1; i + 1 < kNumSteps; ++i) {
    const auto origin = IsKnownRegex(PatternOf(i)) ? RegexOrigin::kKnown : RegexOrigin::kFile;
    steps.emplace_back(SplitStep{Regex(std::string(PatternOf(i)), "afmoe", origin), SplitRule{}});
  }
  steps.emplace_back(ByteLevelStep{.add_prefix_space = false, .use_regex = false});
  return steps;
}

bool AreTrinitySteps(const std::vector<PreTokenizerStep>& steps) {
  if (steps.size() != kNumSteps) return false;
  const auto* digits = std::get_if<DigitsStep>(&steps.front());
  if (digits == nullptr || digits->individual_digits) return false;
  for (size_t i = 1; i + 1 < kNumSteps; ++i) {
    if (!IsolatesRegex(steps[i], PatternOf(i))) return false;
  }
  const auto* bytes = std::get_if<ByteLevelStep>(&steps.back());
  return bytes != nullptr && !bytes->add_prefix_space && !bytes->use_regex;
}

}  // namespace trinity

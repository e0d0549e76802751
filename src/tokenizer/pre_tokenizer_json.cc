#include "tokenizer/pre_tokenizer_json.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "tokenizer/known_regexes.h"

namespace trinity {
namespace {

constexpr size_t kMaxSteps = 64;
constexpr int kMaxSequenceDepth = 8;

SplitBehavior ParseBehavior(const TokenizerField& field) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> kBehaviors = {{
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  }};
  for (const auto& [name, behavior] : kBehaviors) {
    if (field.String() == name) return behavior;
  }
  field.Refuse("Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

SplitStep ParseSplit(const TokenizerField& field) {
  field.CheckKeys({"type", "pattern", "behavior", "invert"});
  const SplitRule rule{ParseBehavior(field.At("behavior")), field.BoolOf("invert", false)};
  const TokenizerField pattern = field.At("pattern");
  pattern.CheckKeys({"Regex", "String"});
  if (const auto regex = pattern.Find("Regex")) {
    const auto origin = IsKnownRegex(regex->String()) ? RegexOrigin::kKnown : RegexOrigin::kFile;
    return {Regex(std::string(regex->String()), regex->where(), origin), rule};
  }
  const TokenizerField literal = pattern.At("String");
  if (literal.String().empty()) literal.Refuse("a string that is not empty");
  return {std::string(literal.String()), rule};
}

ByteLevelStep ParseByteLevel(const TokenizerField& field) {
  // trim_offsets concerns offsets, which nothing here reads.
  field.CheckKeys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  return {.add_prefix_space = field.BoolOf("add_prefix_space", true),
          .use_regex = field.BoolOf("use_regex", true)};
}

void AppendSteps(const TokenizerField& field, int depth, std::vector<PreTokenizerStep>& steps) {
  const TokenizerField type = field.At("type");
  if (steps.size() == kMaxSteps || depth == kMaxSequenceDepth) {
    Fail("{}: expected at most {} steps in {} levels", field.where(), kMaxSteps, kMaxSequenceDepth);
  }
  if (!steps.empty() && std::holds_alternative<ByteLevelStep>(steps.back())) {
    Fail("{}: expected no step after ByteLevel, found {}", field.where(), Printable(type.String()));
  }
  if (type.String() == "Digits") {
    field.CheckKeys({"type", "individual_digits"});
    steps.emplace_back(DigitsStep{field.BoolOf("individual_digits", false)});
  } else if (type.String() == "Split") {
    steps.emplace_back(ParseSplit(field));
  } else if (type.String() == "ByteLevel") {
    steps.emplace_back(ParseByteLevel(field));
  } else if (type.String() == "Sequence") {
    field.CheckKeys({"type", "pretokenizers"});
    for (const TokenizerField& item : field.At("pretokenizers").Items()) {
      AppendSteps(item, depth + 1, steps);
    }
  } else {
    type.Refuse("Digits, Split, ByteLevel or Sequence");
  }
}

}  // namespace

std::vector<PreTokenizerStep> ParsePreTokenizer(const TokenizerField& field) {
  std::vector<PreTokenizerStep> steps;
  AppendSteps(field, 0, steps);
  if (steps.empty() || !std::holds_alternative<ByteLevelStep>(steps.back())) {
    Fail("{}: expected ByteLevel as the last step, found none", field.where());
  }
  return steps;
}

}  // namespace trinity

#include "tokenizer/pre_tokenizer.h"

#include <deque>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "tokenizer/code_point_set.h"
#include "tokenizer/known_regexes.h"
#include "tokenizer/split_ranges.h"
#include "tokenizer/trinity_pipeline.h"

namespace trinity {
namespace {

std::string_view NameOf(const PreTokenizerStep& step) {
  if (std::holds_alternative<DigitsStep>(step)) return "Digits";
  return std::holds_alternative<ByteLevelStep>(step) ? "ByteLevel" : "Split";
}

bool CutsDigitTriples(const std::vector<PreTokenizerStep>& steps, size_t first) {
  if (first + kTrinityDigitRegexes.size() > steps.size()) return false;
  for (size_t i = 0; i < kTrinityDigitRegexes.size(); ++i) {
    if (!IsolatesRegex(steps[first + i], kTrinityDigitRegexes[i])) return false;
  }
  return true;
}

// The next character of a piece: almost always ASCII.
struct Character {
  size_t num_bytes;
  bool is_digit;
};

Character CharacterAt(std::string_view piece, size_t at, const CodePointSet& digits) {
  const auto byte = static_cast<uint8_t>(piece[at]);
  if (byte < 0x80) return {1, byte >= '0' && byte <= '9'};
  const Utf8Char c = DecodeUtf8(piece.substr(at));
  return {c.num_bytes, digits.Contains(c.code_point)};
}

}  // namespace

bool IsolatesRegex(const PreTokenizerStep& step, std::string_view pattern) {
  const auto* split = std::get_if<SplitStep>(&step);
  if (split == nullptr || split->rule.invert) return false;
  if (split->rule.behavior != SplitBehavior::kIsolated) return false;
  const auto* regex = std::get_if<Regex>(&split->pattern);
  return regex != nullptr && regex->pattern() == pattern;
}

// One call of ForEachPiece.
struct PreTokenizer::Run {
  RegexSearch search;
  const OnPiece& on_piece;
};

PreTokenizer::PreTokenizer(std::vector<PreTokenizerStep> steps, const RegexLimits& limits)
    : is_trinity_(AreTrinitySteps(steps)), limits_(limits) {
  for (size_t i = 0; i < steps.size(); ++i) {
    step_names_.emplace_back(NameOf(steps[i]));
    if (const auto* bytes = std::get_if<ByteLevelStep>(&steps[i])) {
      TRINITY_CHECK(i + 1 == steps.size());
      if (bytes->use_regex) {
        gpt2_regex_ = std::make_unique<const Regex>(std::string(kGpt2Regex), "ByteLevel",
                                                    RegexOrigin::kKnown);
      }
    }
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    if (CutsDigitTriples(steps, i)) {
      steps_.emplace_back(DigitTriplesStep{});
      i += kTrinityDigitRegexes.size() - 1;
    } else {
      steps_.push_back(std::move(steps[i]));
    }
  }
}

void PreTokenizer::ForEachPiece(std::string_view text, const OnPiece& on_piece) const {
  Run run{RegexSearch(text.size(), limits_), on_piece};
  RunStep(0, text, run);
}

void PreTokenizer::RunStep(size_t step, std::string_view piece, Run& run) const {
  if (piece.empty()) return;
  if (step == steps_.size()) return run.on_piece(piece);
  const PreTokenizerStep& now = steps_[step];
  if (const auto* digits = std::get_if<DigitsStep>(&now)) {
    RunDigits(*digits, step, piece, run);
  } else if (const auto* split = std::get_if<SplitStep>(&now)) {
    RunSplit(*split, step, piece, run);
  } else if (const auto* bytes = std::get_if<ByteLevelStep>(&now)) {
    RunByteLevel(*bytes, piece, run);
  } else {
    RunDigitTriples(step, piece, run);
  }
}

void PreTokenizer::RunDigits(const DigitsStep& digits, size_t step, std::string_view piece,
                             Run& run) const {
  size_t begin = 0;
  bool in_digits = false;
  for (size_t at = 0; at < piece.size();) {
    const Character c = CharacterAt(piece, at, NumericCharacters());
    if (c.is_digit != in_digits || (c.is_digit && digits.individual_digits)) {
      RunStep(step + 1, piece.substr(begin, at - begin), run);
      begin = at;
      in_digits = c.is_digit;
    }
    at += c.num_bytes;
  }
  RunStep(step + 1, piece.substr(begin), run);
}

void PreTokenizer::RunDigitTriples(size_t step, std::string_view piece, Run& run) const {
  std::vector<size_t> begins;  // of the digits of the present run
  size_t gap = 0;              // where the text before it begins
  const auto end_run = [&](size_t end) {
    RunStep(step + 1, piece.substr(gap, begins.front() - gap), run);
    size_t i = 0;
    while (i < begins.size()) {
      const size_t count = i == 0 && begins.size() % 3 != 0 ? begins.size() % 3 : 3;
      const size_t until = i + count < begins.size() ? begins[i + count] : end;
      RunStep(step + 1, piece.substr(begins[i], until - begins[i]), run);
      i += count;
    }
    begins.clear();
    gap = end;
  };
  for (size_t at = 0; at < piece.size();) {
    const Character c = CharacterAt(piece, at, DecimalDigits());
    if (c.is_digit) begins.push_back(at);
    if (!c.is_digit && !begins.empty()) end_run(at);
    at += c.num_bytes;
  }
  if (!begins.empty()) end_run(piece.size());
  RunStep(step + 1, piece.substr(gap), run);
}

void PreTokenizer::RunSplit(const SplitStep& split, size_t step, std::string_view piece,
                            Run& run) const {
  const auto emit = [&](size_t begin, size_t end) {
    RunStep(step + 1, piece.substr(begin, end - begin), run);
  };
  SplitRanges ranges(split.rule, emit);
  if (const auto* regex = std::get_if<Regex>(&split.pattern)) {
    run.search.ForEachMatch(*regex, piece,
                            [&](size_t begin, size_t end) { ranges.AddMatch(begin, end); });
  } else {
    const std::string& literal = std::get<std::string>(split.pattern);
    size_t at = piece.find(literal);
    while (at != std::string_view::npos) {
      ranges.AddMatch(at, at + literal.size());
      at = piece.find(literal, at + literal.size());
    }
  }
  ranges.Finish(piece.size());
}

void PreTokenizer::RunByteLevel(const ByteLevelStep& bytes, std::string_view piece,
                                Run& run) const {
  std::string prefixed;
  if (bytes.add_prefix_space && piece[0] != ' ') {
    prefixed = " " + std::string(piece);
    piece = prefixed;
  }
  if (!bytes.use_regex) return run.on_piece(piece);
  const auto emit = [&](size_t begin, size_t end) {
    run.on_piece(piece.substr(begin, end - begin));
  };
  SplitRanges ranges(SplitRule{}, emit);
  run.search.ForEachMatch(*gpt2_regex_, piece,
                          [&](size_t begin, size_t end) { ranges.AddMatch(begin, end); });
  ranges.Finish(piece.size());
}

}  // namespace trinity

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tokenizer/regex.h"

namespace trinity {

// What becomes of the matches of a Split step, by their names in tokenizer.json.
enum class SplitBehavior {
  kIsolated,            // each match and each gap is a piece
  kRemoved,             // gaps are pieces
  kMergedWithPrevious,  // a match belongs to the gap before it
  kMergedWithNext,      // a match belongs to the gap after it
  kContiguous,          // neighbouring matches are one piece, and so are gaps
};

// Cuts runs of numeric characters off, or each of these characters.
struct DigitsStep {
  bool individual_digits = false;
};

struct SplitRule {
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // gaps are matches, matches are gaps
};

struct SplitStep {
  std::variant<Regex, std::string> pattern;  // a string is looked for as it is
  SplitRule rule;
};

// Cuts each run of decimal digits (Nd) into a head of n mod 3 digits, where that is not 0, and
// groups of three: what the three regexes of the Trinity tokenizers do together, in linear time.
// Oniguruma takes 17 s for a million digits.
struct DigitTriplesStep {};

// Goes over to the byte alphabet. Always the last step, so pieces simply stay bytes.
struct ByteLevelStep {
  bool add_prefix_space = false;  // a piece that does not begin with a space gets one
  bool use_regex = true;          // cut by the regex of GPT-2 first
};

using PreTokenizerStep = std::variant<DigitsStep, SplitStep, DigitTriplesStep, ByteLevelStep>;

// Whether `step` isolates the matches of this regex and does nothing else.
bool IsolatesRegex(const PreTokenizerStep& step, std::string_view pattern);

// Cuts text into the pieces that BPE sees one by one. Each step cuts what the step before left.
// Immutable and thread-safe.
class PreTokenizer {
 public:
  // `steps`: as in tokenizer.json, ByteLevel last and nowhere else. Sequences of steps that are
  // known to be equal to a faster one are replaced.
  explicit PreTokenizer(std::vector<PreTokenizerStep> steps, const RegexLimits& limits = {});

  using OnPiece = std::function<void(std::string_view)>;

  // Calls on_piece for the pieces of `text` (valid UTF-8) from left to right. None is empty.
  // Throws Error where a regex takes more work than RegexLimits allows.
  void ForEachPiece(std::string_view text, const OnPiece& on_piece) const;

  // As in tokenizer.json.
  const std::vector<std::string>& step_names() const { return step_names_; }

  // Whether the steps are those of the Trinity tokenizers.
  bool is_trinity() const { return is_trinity_; }

 private:
  struct Run;
  void RunStep(size_t step, std::string_view piece, Run& run) const;
  void RunDigits(const DigitsStep& digits, size_t step, std::string_view piece, Run& run) const;
  void RunDigitTriples(size_t step, std::string_view piece, Run& run) const;
  void RunSplit(const SplitStep& split, size_t step, std::string_view piece, Run& run) const;
  void RunByteLevel(const ByteLevelStep& bytes, std::string_view piece, Run& run) const;

  std::vector<PreTokenizerStep> steps_;
  std::vector<std::string> step_names_;
  bool is_trinity_;
  std::unique_ptr<const Regex> gpt2_regex_;  // where a ByteLevel step uses it
  RegexLimits limits_;
};

}  // namespace trinity

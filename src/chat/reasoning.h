#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// An answer of a model that thinks aloud first, between <think> and </think>.
struct ReasonedAnswer {
  std::string reasoning;  // empty: none
  std::string content;
};

// Whether the prompt has opened the reasoning already: it ends with <think>.
bool BeginsInReasoning(std::string_view prompt);

// Reasoning is what stands before </think>, without the white space around it, even where <think>
// is missing. Where </think> is missing, it is everything after a <think> at the beginning.
ReasonedAnswer SplitReasoning(std::string_view answer, bool begins_in_reasoning);

// Tells the two apart while the text still comes, in pieces, for those who watch. What comes out
// has no tags and no white space around them.
class ReasoningStream {
 public:
  struct Part {
    bool is_reasoning;
    std::string text;
  };

  explicit ReasoningStream(bool begins_in_reasoning);

  // The parts that became certain.
  std::vector<Part> Append(std::string_view text);
  // The text has ended: what is still held back.
  std::vector<Part> Finish();

 private:
  enum class State { kBeginning, kReasoning, kAfterReasoning, kContent };
  std::vector<Part> Take(bool is_end);
  bool TakeStep(bool is_end, std::vector<Part>& parts);

  bool begins_in_reasoning_;
  State state_ = State::kBeginning;
  bool has_shown_reasoning_ = false;
  std::string held_;
};

}  // namespace trinity

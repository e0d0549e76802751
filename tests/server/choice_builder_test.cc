#include "server/choice_builder.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/support/paths.h"

namespace trinity {
namespace {

const Tokenizer& PicoTokenizer() {
  static const Tokenizer tokenizer =
      Tokenizer::Load(std::string(TRINITY_SOURCE_DIR) + "/models/trinity-pico");
  return tokenizer;
}

// The sum of what a choice of a chat has got when its text comes in pieces.
ChoiceDelta SumOf(const std::string& text, size_t piece, bool begins_in_reasoning) {
  ChoiceBuilder::Shape shape;
  shape.kind = ReplyKind::kChat;
  shape.begins_in_reasoning = begins_in_reasoning;
  ChoiceBuilder builder(PicoTokenizer(), 0, shape);
  ChoiceDelta sum;
  for (size_t begin = 0; begin < text.size(); begin += piece) {
    AddDelta(builder.Append({0, 300, {}, text.substr(begin, piece)}), sum);
  }
  AddDelta(builder.Finish({0, FinishReason::kStop, {}, ""}), sum);
  return sum;
}

TEST(ChoiceBuilder, ReasoningIsToldFromContentHoweverTheTextIsCut) {
  for (size_t piece = 1; piece < 40; ++piece) {
    const ChoiceDelta sum = SumOf("<think>\nWhy not?\n</think>\n\nYes < no.", piece, false);
    EXPECT_EQ(sum.reasoning, "Why not?") << piece;
    EXPECT_EQ(sum.content, "Yes < no.") << piece;
    const ChoiceDelta opened = SumOf("Why not?\n</think>\n\nYes.", piece, true);
    EXPECT_EQ(opened.reasoning, "Why not?") << piece;
    EXPECT_EQ(opened.content, "Yes.") << piece;
  }
}

TEST(ChoiceBuilder, WithoutItsEndAllIsReasoning) {
  for (size_t piece = 1; piece < 20; ++piece) {
    const ChoiceDelta sum = SumOf("<think>Why not", piece, false);
    EXPECT_EQ(sum.reasoning, "Why not") << piece;
    EXPECT_EQ(sum.content, "") << piece;
  }
}

TEST(ChoiceBuilder, OffsetsCountCharacters) {
  ChoiceBuilder::Shape shape;
  shape.has_logprobs = true;
  ChoiceBuilder builder(PicoTokenizer(), 0, shape);
  ChoiceDelta sum;
  const TokenLogprobs logprobs = {{300, -1}, {}};
  AddDelta(builder.Append({0, 300, logprobs, "ä€"}), sum);
  AddDelta(builder.Append({0, 300, logprobs, "b"}), sum);
  EXPECT_EQ(sum.text_logprobs["text_offset"], Json({0, 2}));
}

}  // namespace
}  // namespace trinity

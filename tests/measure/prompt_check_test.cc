#include "measure/prompt_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.h"

namespace trinity {
namespace {

TEST(PromptCheck, BundledModelPassesOnTheStandardPrompts) {
  ThreadPool pool(2);
  const std::unique_ptr<Model> model = Model::Load(Checkpoint::Open(PicoFolder()), pool);
  const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  for (const std::string_view prompt : kStandardPrompts) {
    const PromptReport report = CheckPrompt(*model, tokenizer, prompt, {.prefill_chunk = 6});
    EXPECT_TRUE(report.Passed()) << prompt;
    EXPECT_EQ(report.prompt_ids, tokenizer.Encode(prompt, SpecialTokens::kAdd));
    ASSERT_EQ(report.best.size(), 5u);
    EXPECT_EQ(report.greedy.size(), 5u);
    EXPECT_EQ(report.greedy[0], report.best[0].id);
    for (size_t i = 1; i < report.best.size(); ++i) {
      EXPECT_GE(report.best[i - 1].logit, report.best[i].logit);
    }
  }
}

// What the report of a failing model looks like.
TEST(PromptCheck, FailsWhereANumberIsNotFiniteOrDecodeDiffers) {
  PromptReport report;
  EXPECT_TRUE(report.Passed());
  report.is_finite = false;
  EXPECT_FALSE(report.Passed());
  report = {};
  report.decode_is_prefill = false;
  EXPECT_FALSE(report.Passed());
}

}  // namespace
}  // namespace trinity

#include "load/completion_stream.h"

#include <gmock/gmock.h>

#include "load/load_failure.h"

namespace trinity {
namespace {

using testing::HasSubstr;

uint64_t DigestOf(const std::vector<std::string>& events) {
  CompletionStream stream;
  for (const std::string& data : events) stream.TakeEvent(data);
  return stream.Digest();
}

std::string Text(const std::string& text, const std::string& logprob = "null") {
  return R"({"choices":[{"text":")" + text + R"(","logprobs":{"token_logprobs":[)" + logprob +
         R"(]},"finish_reason":null}]})";
}

TEST(CompletionStream, KnowsWhichEventsBringText) {
  CompletionStream stream;
  EXPECT_FALSE(stream.TakeEvent(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})"));
  EXPECT_TRUE(stream.TakeEvent(R"({"choices":[{"delta":{"content":"a"}}]})"));
  EXPECT_TRUE(stream.TakeEvent(R"({"choices":[{"delta":{"reasoning_content":"a"}}]})"));
  EXPECT_TRUE(stream.TakeEvent(R"({"choices":[{"text":"a"}]})"));
  EXPECT_FALSE(stream.TakeEvent(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})"));
  EXPECT_FALSE(stream.is_done());
  EXPECT_FALSE(stream.TakeEvent("[DONE]"));
  EXPECT_TRUE(stream.is_done());
}

TEST(CompletionStream, ReadsUsage) {
  CompletionStream stream;
  EXPECT_FALSE(stream.num_answer_tokens());
  stream.TakeEvent(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,)"
                   R"("prompt_tokens_details":{"cached_tokens":8}}})");
  EXPECT_EQ(stream.num_prompt_tokens(), 9);
  EXPECT_EQ(stream.num_answer_tokens(), 4);
  EXPECT_EQ(stream.num_cached_tokens(), 8);
}

TEST(CompletionStream, TheDigestIsThatOfTheAnswerHoweverItsEventsAreCut) {
  EXPECT_EQ(DigestOf({Text("ab"), Text("c")}), DigestOf({Text("a"), Text("bc")}));
}

TEST(CompletionStream, TheDigestSeesTextLogProbabilitiesAndEnd) {
  const uint64_t digest = DigestOf({Text("a", "-0.5")});
  EXPECT_NE(digest, DigestOf({Text("b", "-0.5")}));
  EXPECT_NE(digest, DigestOf({Text("a", "-0.50000006")}));
  EXPECT_NE(digest, DigestOf({Text("a", "-0.5"), R"({"choices":[{"finish_reason":"stop"}]})"}));
  const std::string chat = R"({"choices":[{"logprobs":{"content":[{"logprob":)";
  EXPECT_NE(DigestOf({chat + "-1}]}}]}"}), DigestOf({chat + "-2}]}}]}"}));
}

TEST(CompletionStream, RefusesEventsOfOtherShapes) {
  for (const char* data : {"", "{", "null", "[]", "{}", R"({"choices":7})", R"({"choices":[7]})"}) {
    CompletionStream stream;
    EXPECT_THROW(stream.TakeEvent(data), LoadFailure) << data;
  }
}

TEST(CompletionStream, AnErrorIsOneWithItsMessage) {
  for (const char* data : {R"({"error":{"message":"out of it"}})", R"({"error":"out of it"})"}) {
    CompletionStream stream;
    try {
      stream.TakeEvent(data);
      ADD_FAILURE() << data;
    } catch (const LoadFailure& failure) {
      EXPECT_EQ(failure.kind(), "error event");
      EXPECT_THAT(failure.what(), HasSubstr("out of it"));
    }
  }
}

}  // namespace
}  // namespace trinity

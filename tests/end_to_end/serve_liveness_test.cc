#include <gtest/gtest.h>

#include <cstdio>

#include "tests/end_to_end/served_pico.h"

// What others hear of a server while it computes a long prompt.

namespace trinity {
namespace {

Json Ids(int count) {
  Json ids = Json::array();
  for (int i = 0; i < count; ++i) ids.push_back(300 + i % 700);
  return ids;
}

std::string Stream(const Json& prompt, int max_tokens) {
  const Json body = {{"prompt", prompt}, {"max_tokens", max_tokens}, {"ignore_eos", true},
                     {"temperature", 0}, {"stream", true},           {"return_token_ids", true}};
  return RawHttpClient::Post("/v1/completions", body.dump());
}

struct Progress {
  int num_done = 0;
  int num_total = 0;
  int num_cached = 0;
};

// What the comments of a stream say of its prompt.
std::vector<Progress> ProgressOf(const std::string& stream) {
  std::vector<Progress> list;
  constexpr std::string_view kBegin = ": prompt: ";
  for (size_t at = stream.find(kBegin); at != stream.npos; at = stream.find(kBegin, at + 1)) {
    Progress one;
    EXPECT_EQ(std::sscanf(stream.c_str() + at, ": prompt: %d of %d tokens, %d of them cached",
                          &one.num_done, &one.num_total, &one.num_cached),
              3)
        << stream.substr(at, 80);
    list.push_back(one);
  }
  return list;
}

// The whole prompt is one step, in which the engine listens to nobody.
TEST(ServeLiveness, HealthAndMetricsAreAnsweredWithinAStepOfTheLongestPrompt) {
  const ServedPico server({"--step-tokens", "4096", "--no-prefix-cache"});
  RawHttpClient client(server.port());
  ASSERT_TRUE(client.Send(Stream(Ids(4095), 1)));
  ASSERT_TRUE(client.ReadUntil("HTTP/1.1 200"));
  int num_rounds = 0;
  while (server.Stats()["steps"]["count"] == 0) {
    ASSERT_EQ(server.Get("/health/live").status, 200);
    ASSERT_EQ(server.Get("/health/ready").status, 200);
    ASSERT_EQ(server.Get("/metrics").status, 200);
    ++num_rounds;
  }
  // Where they had to wait for the step there would be one round or two.
  EXPECT_GE(num_rounds, 10);
  EXPECT_EQ(EventsOf(client.ReadResponse().body).back()["choices"][0]["finish_reason"], "length");
}

TEST(ServeLiveness, StreamsAdvanceInEveryStepOfALongPrompt) {
  constexpr int kNumTokens = 1200;
  const ServedPico server({"--step-tokens", "64", "--no-prefix-cache"});
  RawHttpClient client(server.port());
  ASSERT_TRUE(client.Send(Stream(Ids(8), kNumTokens)));
  ASSERT_TRUE(client.ReadUntil("\"text\":\""));
  const RawHttpResponse other = Exchange(server.port(), Stream(Ids(3000), 1));
  EXPECT_GE(ProgressOf(other.body).size(), 3000 / 64);
  const Json stats =
      server.AwaitStats([](const Json& now) { return now["requests"]["running"] != 2; });
  ASSERT_EQ(stats["requests"]["running"], 1) << "the stream outlives the prompt";
  int num_tokens = 0;
  for (const Json& event : EventsOf(client.ReadResponse().body)) {
    num_tokens += static_cast<int>(event["choices"][0]["token_ids"].size());
  }
  EXPECT_EQ(num_tokens, kNumTokens);
  EXPECT_EQ(server.AwaitIdle()["steps"]["count"], kNumTokens) << "a token in each step";
}

TEST(ServeLiveness, AStreamThatWaitsHearsThatTheServerIsStillThere) {
  const ServedPico server({"--max-sequences", "1", "--heartbeat", "0.02", "--step-tokens", "64"});
  RawHttpClient running(server.port());
  ASSERT_TRUE(running.Send(Stream(Ids(8), 4000)));
  ASSERT_TRUE(running.ReadUntil("\"text\":\""));
  RawHttpClient waiting(server.port());
  ASSERT_TRUE(waiting.Send(Stream(Ids(1000), 2)));
  ASSERT_TRUE(waiting.ReadUntil(": still here\n\n"));
  running.Close();
  const std::string body = waiting.ReadResponse().body;
  EXPECT_EQ(body.find(": prompt: ", 0) > body.find(": still here\n\n"), true);
  EXPECT_EQ(EventsOf(body).back()["choices"][0]["finish_reason"], "length");
}

TEST(ServeLiveness, CommentsTellHowFarThePromptIs) {
  const ServedPico server({"--step-tokens", "64"});
  const auto progress = [&](int num_cached) {
    const std::vector<Progress> list =
        ProgressOf(Exchange(server.port(), Stream(Ids(1000), 2)).body);
    int num_done = num_cached;
    for (const Progress& one : list) {
      EXPECT_GT(one.num_done, num_done);
      EXPECT_LE(one.num_done, num_done + 64);
      EXPECT_EQ(one.num_total, 1000);
      EXPECT_EQ(one.num_cached, num_cached);
      num_done = one.num_done;
    }
    EXPECT_EQ(num_done, 1000);
  };
  progress(0);
  progress(999);
}

}  // namespace
}  // namespace trinity

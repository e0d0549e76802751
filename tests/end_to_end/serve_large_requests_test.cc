#include <memory>

#include "tests/end_to_end/served_pico.h"

namespace trinity {
namespace {

// Clients whose requests it takes seconds to read.
std::vector<std::unique_ptr<RawHttpClient>> SendLargeBodies(const ServedPico& server, int count) {
  Json messages = Json::array();
  for (int i = 0; i < 100'000; ++i) messages.push_back({{"role", "user"}, {"content", "Hi"}});
  const std::string request = RawHttpClient::Post("/tokenize", Json{{"messages", messages}}.dump());
  std::vector<std::unique_ptr<RawHttpClient>> clients;
  for (int i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawHttpClient>(server.port()));
    EXPECT_TRUE(clients.back()->Send(request));
  }
  return clients;
}

// Until all threads that read bodies have one, so that whoever comes next waits.
void AwaitUnreadRequest(const ServedPico& server) {
  server.AwaitStats([](const Json& stats) { return stats["requests"]["unread"] >= 1; });
}

TEST(ServeLargeRequests, RunningStreamsDoNotWaitForLargeBodies) {
  const ServedPico server({});
  RawHttpClient stream(server.port());
  const Json body = {{"messages", Messages("Hi")}, {"stream", true}, {"ignore_eos", true}};
  stream.Send(RawHttpClient::Post("/v1/chat/completions", body.dump()));
  ASSERT_TRUE(stream.ReadUntil("\"content\":\""));
  const auto large = SendLargeBodies(server, 4);
  stream.ReadWhatIsThere();
  constexpr size_t kBytesOfManyTokens = 25'000;
  EXPECT_TRUE(stream.ReadBytes(kBytesOfManyTokens));
  for (const auto& client : large) EXPECT_FALSE(client->has_unread());
}

TEST(ServeLargeRequests, TheDeadlineCountsFromTheArrivalOfARequest) {
  const ServedPico server({"--deadline", "0.3"});
  const auto large = SendLargeBodies(server, 4);
  AwaitUnreadRequest(server);
  EXPECT_EQ(server.Post("/v1/completions", {{"prompt", "a"}, {"max_tokens", 1}}).status, 504);
}

TEST(ServeLargeRequests, WhoLeavesBeforeTheBodyIsReadIsNotServed) {
  const ServedPico server({});
  const auto large = SendLargeBodies(server, 4);
  AwaitUnreadRequest(server);
  const Json body = {{"prompt", "a"}, {"max_tokens", 1}};
  RawHttpClient gone(server.port());
  gone.Send(RawHttpClient::Post("/v1/completions", body.dump()));
  gone.Close();
  EXPECT_EQ(server.Post("/v1/completions", body).status, 200);
  EXPECT_EQ(server.Stats()["requests"]["finished"], 1) << server.Stats();
}

TEST(ServeLargeRequests, NoMoreBodiesWaitThanMay) {
  const ServedPico server({"--max-unread-requests", "1"});
  const auto large = SendLargeBodies(server, 4);
  int num_refused = 0;
  int num_answered = 0;
  for (const auto& client : large) {
    const int status = client->ReadResponse().status;
    num_refused += status == 429 ? 1 : 0;
    num_answered += status == 200 ? 1 : 0;
  }
  EXPECT_GE(num_refused, 1);
  EXPECT_GE(num_answered, 1);
  EXPECT_EQ(num_refused + num_answered, 4);
}

TEST(ServeLargeRequests, AnEventLargerThanWhatMayWaitIsSentWhole) {
  const ServedPico server({});
  const Json body = {{"prompt", std::vector<int>(4000, 300)},
                     {"echo", true},
                     {"logprobs", 20},
                     {"stream", true},
                     {"n", 2},
                     {"max_tokens", 4}};
  const std::string text = server.Post("/v1/completions", body).body;
  EXPECT_GT(text.size(), size_t{4} << 20);
  EXPECT_FALSE(EventsOf(text).back().contains("error"));
}

}  // namespace
}  // namespace trinity

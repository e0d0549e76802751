#include <gmock/gmock.h>

#include <csignal>

#include "tests/end_to_end/served_pico.h"

namespace trinity {
namespace {

using testing::HasSubstr;

Json LongBody(const Json& prompt) {
  return {{"prompt", prompt}, {"max_tokens", 4000}, {"ignore_eos", true}, {"stream", true}};
}

TEST(ServeLimits, AQueueOfTooManyTokensIsFullForNow) {
  const ServedPico server({"--max-sequences", "1", "--max-queued-tokens", "100"});
  const auto request = [](int num_tokens) {
    return RawHttpClient::Post(
        "/v1/completions", LongBody(std::vector<int>(static_cast<size_t>(num_tokens), 300)).dump());
  };
  RawHttpClient running(server.port());
  running.Send(request(10));
  ASSERT_TRUE(running.ReadUntil("\"text\":\""));
  RawHttpClient queued(server.port());
  queued.Send(request(60));
  ASSERT_TRUE(queued.ReadUntil("HTTP/1.1 200"));
  const RawHttpResponse full = Exchange(server.port(), request(41));
  EXPECT_EQ(full.status, 429) << full.body;
  EXPECT_THAT(full.head, HasSubstr("Retry-After"));
  EXPECT_THAT(full.body, HasSubstr("60 tokens wait, 41 more would be over 100"));
  RawHttpClient fits(server.port());
  fits.Send(request(40));
  EXPECT_TRUE(fits.ReadUntil("HTTP/1.1 200"));
  EXPECT_EQ(server.Stats()["queued_tokens"], 100);
}

TEST(ServeLimits, PromptsAndTheirAnswersAreCounted) {
  const ServedPico server({"--max-prompts", "3"});
  const auto status = [&](const Json& prompt) {
    return server.Post("/v1/completions", {{"prompt", prompt}, {"max_tokens", 1}});
  };
  EXPECT_EQ(status({"a", "b", "c"}).status, 200);
  const RawHttpResponse many = status({"a", "b", "c", "d"});
  EXPECT_EQ(many.status, 400);
  EXPECT_EQ(Json::parse(many.body)["error"]["param"], "prompt");
  EXPECT_THAT(many.body, HasSubstr("found 4"));
  EXPECT_EQ(server.Post("/v1/completions", {{"prompt", {"a", "b"}}, {"n", 2}}).status, 400);
}

TEST(ServeLimits, ADeadlineThatIsReachedInAStreamIsItsLastEvent) {
  const ServedPico server({"--deadline", "0.5"});
  const Json last = EventsOf(server.Post("/v1/completions", LongBody("a")).body).back();
  EXPECT_EQ(last["error"]["type"], "timeout_error") << last;
  EXPECT_THAT(std::string(last["error"]["message"]), HasSubstr("deadline"));
}

// A connection that lasts is closed after its answer, a request that comes on it later has none.
TEST(ServeLimits, AServerThatDrainsTakesNothingNew) {
  ServedPico server({});
  EXPECT_EQ(server.Get("/health/ready").status, 200);
  RawHttpClient idle(server.port());
  idle.Send(RawHttpClient::Get("/health/ready"));
  EXPECT_EQ(idle.ReadResponse().status, 200);
  RawHttpClient streaming(server.port());
  Json body = LongBody("a");
  body["max_tokens"] = 500;
  streaming.Send(RawHttpClient::Post("/v1/completions", body.dump()));
  ASSERT_TRUE(streaming.ReadUntil("\"text\":\""));
  server.Signal(SIGTERM);
  EXPECT_TRUE(idle.ReadEnd());
  EXPECT_THROW(Exchange(server.port(), RawHttpClient::Get("/health/ready")), std::runtime_error);
  const std::vector<Json> events = EventsOf(streaming.ReadResponse().body);
  EXPECT_EQ(events.back()["choices"][0]["finish_reason"], "length");
  EXPECT_TRUE(streaming.ReadEnd());
  EXPECT_EQ(server.Wait(), 0);
}

}  // namespace
}  // namespace trinity

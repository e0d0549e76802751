#include <gmock/gmock.h>

#include <csignal>

#include "tests/end_to_end/served_pico.h"

namespace trinity {
namespace {

// One server for all tests, in which a client cannot take much, and no prefixes are kept: so when
// nothing runs, no page is in use.
class ServeFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServedPico({"--no-prefix-cache", "--max-sequences", "2", "--step-tokens", "32",
                              "--header-timeout", "1", "--body-timeout", "1", "--write-timeout",
                              "1", "--max-header-bytes", "4096", "--max-body", "100kB",
                              "--max-connections", "40"});
    reference_ = Answer();
  }
  static void TearDownTestSuite() { delete server_; }

  // Whatever a test has done, the next request is answered with the same bits, and no page is lost.
  void TearDown() override {
    ExpectIdle();
    EXPECT_EQ(Answer(), reference_);
    ExpectIdle();
  }

  static Json Answer() {
    const Json body = {{"messages", Messages("What is a violin?")},
                       {"max_tokens", 12},
                       {"seed", 5},
                       {"temperature", 1},
                       {"logprobs", true},
                       {"top_logprobs", 2}};
    const RawHttpResponse response = server_->Post("/v1/chat/completions", body);
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body)["choices"];
  }

  static void ExpectIdle() {
    const Json stats = server_->AwaitIdle();
    EXPECT_EQ(stats["kv"]["sliding_pages"], 0) << stats;
    EXPECT_EQ(stats["kv"]["full_pages"], 0) << stats;
  }

  // A stream that goes on for as long as the context holds.
  static std::string LongStream() {
    const Json body = {{"messages", Messages("Tell me a story.")},
                       {"stream", true},
                       {"ignore_eos", true},
                       {"seed", 1}};
    return RawHttpClient::Post("/v1/chat/completions", body.dump());
  }

  // A prompt of many steps, of which the log probabilities are a long answer.
  static std::string LongPrompt(bool streams) {
    Json ids = Json::array();
    for (int i = 0; i < 3000; ++i) ids.push_back(300 + i % 700);
    Json body = {{"prompt", ids}, {"max_tokens", 1}, {"stream", streams}};
    if (!streams) {
      body["echo"] = true;
      body["logprobs"] = 20;
    }
    return RawHttpClient::Post("/v1/completions", body.dump());
  }

  static inline ServedPico* server_ = nullptr;
  static inline Json reference_;
};

TEST_F(ServeFaults, AHeaderThatComesTooSlowlyIsRefused) {
  RawHttpClient client(server_->port());
  client.Send("GET /health/live HTTP/1.1\r\nX-Slow: ");
  EXPECT_EQ(client.ReadResponse().status, 408);
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(ServeFaults, ABodyThatComesTooSlowlyIsRefused) {
  RawHttpClient client(server_->port());
  client.Send("POST /tokenize HTTP/1.1\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(client.ReadResponse().status, 408);
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(ServeFaults, AConnectionThatSaysNothingIsClosed) {
  RawHttpClient client(server_->port());
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(ServeFaults, ManyOrLongHeadersAreRefused) {
  EXPECT_EQ(Exchange(server_->port(),
                     RawHttpClient::Get("/health/live", "X: " + std::string(1 << 20, 'x') + "\r\n"))
                .status,
            431);
  std::string headers;
  for (int i = 0; i < 10'000; ++i) headers += "X: y\r\n";
  EXPECT_EQ(Exchange(server_->port(), RawHttpClient::Get("/health/live", headers)).status, 431);
}

TEST_F(ServeFaults, AHugeBodyIsRefusedBeforeItIsRead) {
  RawHttpClient client(server_->port());
  client.Send("POST /tokenize HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_EQ(client.ReadResponse().status, 413);
}

TEST_F(ServeFaults, ChunksThatAreNoneAreRefused) {
  const std::string head = "POST /tokenize HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";
  for (const std::string chunks :
       {"xyz\r\n", "-5\r\nhello\r\n", "ffffffffffffffffff\r\n", "5\r\nhelloworld\r\n"}) {
    EXPECT_EQ(Exchange(server_->port(), head + "\r\n" + chunks).status / 100, 4) << chunks;
  }
}

TEST_F(ServeFaults, ALengthBesideChunksIsRefused) {
  EXPECT_EQ(Exchange(server_->port(),
                     "POST /tokenize HTTP/1.1\r\nContent-Length: 5\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                .status,
            400);
  EXPECT_EQ(Exchange(server_->port(),
                     "POST /tokenize HTTP/1.1\r\nContent-Length: 5\r\n"
                     "Content-Length: 6\r\n\r\nhello!")
                .status,
            400);
}

TEST_F(ServeFaults, WhatIsNoHttpIsRefused) {
  EXPECT_EQ(Exchange(server_->port(), "\x16\x03\x01\x02\x00 hello\r\n\r\n").status, 400);
}

TEST_F(ServeFaults, RequestsSentAheadAreAnsweredInTheirOrder) {
  RawHttpClient client(server_->port());
  client.Send(RawHttpClient::Post("/tokenize", R"({"content": "a"})") +
              RawHttpClient::Get("/health/live") + RawHttpClient::Get("/nowhere") +
              RawHttpClient::Get("/v1/models"));
  EXPECT_THAT(client.ReadResponse().body, testing::HasSubstr("tokens"));
  EXPECT_THAT(client.ReadResponse().body, testing::HasSubstr("live"));
  EXPECT_EQ(client.ReadResponse().status, 404);
  EXPECT_THAT(client.ReadResponse().body, testing::HasSubstr("trinity-pico"));
}

TEST_F(ServeFaults, AHalfClosedClientIsAnsweredWhereThatTakesNoTime) {
  RawHttpClient client(server_->port());
  client.Send(RawHttpClient::Get("/health/live"));
  client.EndSending();
  EXPECT_EQ(client.ReadResponse().status, 200);
  EXPECT_TRUE(client.ReadEnd());
}

TEST_F(ServeFaults, AHalfClosedClientEndsItsGeneration) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient client(server_->port());
  client.Send(LongStream());
  ASSERT_TRUE(client.ReadUntil("content"));
  client.EndSending();
  EXPECT_TRUE(client.ReadUntil("[DONE]"));
  server_->AwaitCancelled(before + 1);
}

TEST_F(ServeFaults, DisconnectInDecodeEndsTheRequest) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient client(server_->port());
  client.Send(LongStream());
  ASSERT_TRUE(client.ReadUntil("\"content\":\""));
  client.Close();
  server_->AwaitCancelled(before + 1);
}

TEST_F(ServeFaults, DisconnectInPrefillEndsTheRequest) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient client(server_->port());
  client.Send(LongPrompt(/*streams=*/true));
  ASSERT_TRUE(client.ReadUntil(": prompt: "));
  client.Close();
  server_->AwaitCancelled(before + 1);
}

TEST_F(ServeFaults, DisconnectInTheQueueLeavesThoseWhoAreServedAlone) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient first(server_->port());
  RawHttpClient second(server_->port());
  first.Send(LongStream());
  second.Send(LongStream());
  ASSERT_TRUE(first.ReadUntil("\"content\":\""));
  ASSERT_TRUE(second.ReadUntil("\"content\":\""));
  RawHttpClient queued(server_->port());
  queued.Send(LongStream());
  ASSERT_TRUE(queued.ReadUntil("\r\n\r\n"));
  queued.Close();
  const Json stats = server_->AwaitCancelled(before + 1);
  EXPECT_EQ(stats["requests"]["running"], 2) << stats;
}

TEST_F(ServeFaults, DisconnectWhileTheAnswerIsFlushedIsNoMatter) {
  RawHttpClient client(server_->port(), 4096);
  client.Send(LongPrompt(/*streams=*/false));
  ASSERT_TRUE(client.ReadUntil("HTTP/1.1 200"));
  client.Close();
}

TEST_F(ServeFaults, AClientThatStopsReadingIsDropped) {
  RawHttpClient client(server_->port(), 4096);
  client.Send(LongPrompt(/*streams=*/false));
  ASSERT_TRUE(client.ReadUntil("HTTP/1.1 200"));
  server_->AwaitStats([](const Json& stats) { return stats["connections"] == 1; });
}

// More than the kernel and the server hold for one who does not read.
TEST_F(ServeFaults, AClientThatStopsReadingARunningStreamIsDroppedAndItsRequestEnds) {
  const int64_t before = server_->num_cancelled();
  const Json body = {{"messages", Messages("Tell me a story.")},
                     {"stream", true},
                     {"ignore_eos", true},
                     {"logprobs", true},
                     {"top_logprobs", 20},
                     {"seed", 1}};
  RawHttpClient client(server_->port(), 4096);
  client.Send(RawHttpClient::Post("/v1/chat/completions", body.dump()));
  ASSERT_TRUE(client.ReadUntil("\"content\":\""));
  server_->AwaitCancelled(before + 1);
  server_->AwaitStats([](const Json& stats) { return stats["connections"] == 1; });
}

TEST_F(ServeFaults, ConnectionsBeyondTheLimitAreToldSo) {
  std::vector<std::unique_ptr<RawHttpClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<RawHttpClient>(server_->port()));
    clients.back()->Send(RawHttpClient::Get("/health/live"));
    ASSERT_EQ(clients.back()->ReadResponse().status, 200);
  }
  EXPECT_EQ(server_->Get("/health/live").status, 503);
  clients.clear();
  while (server_->Get("/health/live").status != 200) {
  }
}

}  // namespace
}  // namespace trinity

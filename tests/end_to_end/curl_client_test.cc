#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/end_to_end/own_certificate.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/process.h"

// What people type first: curl, over TCP, TLS and a Unix socket.

namespace trinity {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kTimedOut = 28, kUntrusted = 60;  // exit codes of curl

const ServedPico& Pico() {
  static const ServedPico server({});
  return server;
}

ProcessResult Curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--silent", "--show-error", "--no-buffer"});
  return RunProcess("/usr/bin/curl", arguments);
}

Json Asking(const std::string& text, int max_tokens) {
  return {{"messages", Messages(text)}, {"max_tokens", max_tokens}, {"temperature", 0}};
}

std::string ChatUrl(const std::string& url) { return url + "/v1/chat/completions"; }

ProcessResult Post(const Json& body, std::vector<std::string> more = {}) {
  const std::vector<std::string> usual = {ChatUrl(Pico().url()), "--json", body.dump()};
  more.insert(more.begin(), usual.begin(), usual.end());
  return Curl(more);
}

std::string ContentOf(const ProcessResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return Json::parse(result.out)["choices"][0]["message"]["content"];
}

std::string ContentOfEvents(const std::string& stream) {
  std::string content;
  for (const Json& event : EventsOf(stream)) {
    for (const Json& choice : event["choices"]) content += choice["delta"].value("content", "");
  }
  return content;
}

// What the model says to the question that all ask here.
const std::string& Answer() {
  static const std::string answer = ContentOf(Post(Asking("What is a violin?", 12)));
  return answer;
}

TEST(CurlClient, IsAnsweredWholeAndInEvents) {
  EXPECT_FALSE(Answer().empty());
  Json body = Asking("What is a violin?", 12);
  body["stream"] = true;
  const ProcessResult streamed = Post(body);
  ASSERT_EQ(streamed.exit_code, 0) << streamed.err;
  EXPECT_EQ(ContentOfEvents(streamed.out), Answer());
}

TEST(CurlClient, GetsSeveralAnswersWithLogprobs) {
  Json body = Asking("Tell me a story.", 4);
  body["n"] = 2;
  body["logprobs"] = true;
  body["top_logprobs"] = 3;
  const Json reply = Json::parse(Post(body).out);
  ASSERT_EQ(reply["choices"].size(), 2U);
  for (const Json& choice : reply["choices"]) {
    EXPECT_EQ(choice["logprobs"]["content"].size(), 4U);
    for (const Json& token : choice["logprobs"]["content"]) {
      EXPECT_EQ(token["top_logprobs"].size(), 3U);
    }
  }
}

TEST(CurlClient, FailsWithTheStatusWhereItIsToldTo) {
  const ProcessResult wrong =
      Post({{"messages", 1}}, {"--write-out", "%{http_code} %{content_type}"});
  EXPECT_EQ(wrong.exit_code, 0);
  EXPECT_THAT(wrong.out, HasSubstr("messages"));
  EXPECT_THAT(wrong.out, testing::EndsWith("400 application/json"));
  const ProcessResult failed = Post({{"messages", 1}}, {"--fail"});
  EXPECT_EQ(failed.exit_code, 22);
  EXPECT_THAT(failed.err, HasSubstr("400"));
}

TEST(CurlClient, CancelsByGoingAway) {
  const int64_t before = Pico().Stats()["requests"]["cancelled"];
  Json body = Asking("Tell me a story.", 4000);
  body["stream"] = true;
  body["ignore_eos"] = true;
  EXPECT_EQ(Post(body, {"--max-time", "0.5"}).exit_code, kTimedOut);
  for (int i = 0; i < 600 && Pico().Stats()["requests"]["cancelled"] == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const Json stats = Pico().Stats();
  EXPECT_EQ(stats["requests"]["cancelled"], before + 1);
  EXPECT_EQ(stats["requests"]["running"], 0);
}

TEST(CurlClient, ShowsItsKey) {
  const ServedPico locked({}, {"TRINITY_API_KEY=secret"});
  const std::vector<std::string> asking = {ChatUrl(locked.url()), "--json",
                                           Asking("What is a violin?", 12).dump()};
  const ProcessResult without = Curl(asking);
  EXPECT_EQ(Json::parse(without.out)["error"]["code"], "invalid_api_key");
  std::vector<std::string> with_key = asking;
  with_key.insert(with_key.end(), {"--oauth2-bearer", "secret"});
  EXPECT_EQ(ContentOf(Curl(with_key)), Answer());
  EXPECT_EQ(Curl({"--fail", locked.url() + "/health/live"}).exit_code, 0);
}

TEST(CurlClient, SpeaksTlsWithWhomItTrusts) {
  const OwnCertificate own;
  const ServedPico server({"--tls-cert", own.certificate, "--tls-key", own.key});
  EXPECT_THAT(server.url(), StartsWith("https://127.0.0.1:"));
  std::vector<std::string> asking = {ChatUrl(server.url()), "--json",
                                     Asking("What is a violin?", 12).dump()};
  EXPECT_EQ(Curl(asking).exit_code, kUntrusted);
  asking.insert(asking.end(), {"--cacert", own.certificate});
  EXPECT_EQ(ContentOf(Curl(asking)), Answer());
  Json streaming = Asking("What is a violin?", 12);
  streaming["stream"] = true;
  asking[2] = streaming.dump();
  EXPECT_EQ(ContentOfEvents(Curl(asking).out), Answer());
  // Whoever speaks without TLS is not answered, and harms nobody.
  const std::string plain = "http" + server.url().substr(std::string("https").size());
  EXPECT_NE(Curl({plain + "/health/live"}).exit_code, 0);
  EXPECT_EQ(Curl({"--fail", "--cacert", own.certificate, server.url() + "/health/live"}).exit_code,
            0);
  // Versions before 1.2 are refused.
  EXPECT_NE(Curl({"--tls-max", "1.1", "--cacert", own.certificate, server.url() + "/health/live"})
                .exit_code,
            0);
}

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() { std::filesystem::remove_all(path_); }
  ~UnixSocket() override { std::filesystem::remove_all(path_); }

  std::vector<std::string> Serving() const {
    return {"serve", "--unix-socket", path_, "--threads", "2", "--kv-budget", "64MiB"};
  }
  ProcessResult Ask() const {
    return Curl({"--unix-socket", path_, ChatUrl("http://localhost"), "--json",
                 Asking("What is a violin?", 12).dump()});
  }

  const std::string path_ = testing::TempDir() + "trinity.socket";
};

TEST_F(UnixSocket, AnswersAsAPortDoesAndIsGoneAfterwards) {
  ServerProcess server(TRINITY_BINARY, Serving());
  EXPECT_EQ(server.url(), "http+unix:" + path_);
  EXPECT_EQ(ContentOf(Ask()), Answer());
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, TakesThePlaceOfOneThatADeadServerLeft) {
  { const ServerProcess killed(TRINITY_BINARY, Serving()); }
  EXPECT_TRUE(std::filesystem::is_socket(path_));
  const ServerProcess server(TRINITY_BINARY, Serving());
  EXPECT_EQ(ContentOf(Ask()), Answer());
}

TEST_F(UnixSocket, LeavesALivingServerAndOtherFilesAlone) {
  {
    const ServerProcess first(TRINITY_BINARY, Serving());
    const ProcessResult second = RunProcess(TRINITY_BINARY, Serving());
    EXPECT_EQ(second.exit_code, 1);
    EXPECT_THAT(second.err, HasSubstr("another server listens there"));
    EXPECT_EQ(ContentOf(Ask()), Answer());
  }
  std::filesystem::remove(path_);
  std::ofstream(path_) << "kept";
  const ProcessResult third = RunProcess(TRINITY_BINARY, Serving());
  EXPECT_EQ(third.exit_code, 1);
  EXPECT_THAT(third.err, HasSubstr(path_));
  EXPECT_EQ(std::filesystem::file_size(path_), 4U);
}

}  // namespace
}  // namespace trinity

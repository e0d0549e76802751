#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/json.h"
#include "tests/end_to_end/own_certificate.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/scripted_server.h"

namespace trinity {
namespace {

using testing::HasSubstr;

const ServedPico& Pico() {
  static const ServedPico server({});
  return server;
}

ProcessResult Load(const std::string& url, std::vector<std::string> flags,
                   const ProcessOptions& options = {}) {
  flags.insert(flags.begin(), {"load", url});
  return RunTrinity(flags, options);
}

Json LoadedJson(const std::vector<std::string>& flags) {
  std::vector<std::string> with_json = flags;
  with_json.emplace_back("--json");
  const ProcessResult result = Load(Pico().url(), with_json);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return Json::parse(result.out);
}

std::string Response(const std::string& type, const std::string& body,
                     const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// What becomes of two requests to a server that answers all completions with these bytes.
ProcessResult LoadOf(const std::optional<std::string>& answer,
                     const std::vector<std::string>& more_flags = {}) {
  const ScriptedServer server([&](const std::string& line) -> std::optional<std::string> {
    if (line.starts_with("POST /v1/completions")) return answer;
    return Response("text/plain", "no", "404 Not Found");
  });
  std::vector<std::string> flags = {"--model", "m", "--requests", "2"};
  flags.insert(flags.end(), more_flags.begin(), more_flags.end());
  return Load(server.url(), flags);
}

// The kind of failure of both requests, as stderr names it.
void ExpectFailure(const std::optional<std::string>& answer, const std::string& kind,
                   const std::vector<std::string>& more_flags = {}) {
  const ProcessResult result = LoadOf(answer, more_flags);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("2 of 2 requests failed: " + kind + " (2)"));
  EXPECT_THAT(result.out, HasSubstr("0 of 2 requests succeeded"));
}

TEST(LoadCommand, HelpShowsAnExample) {
  const ProcessResult result = RunTrinity({"load", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("trinity load http://"));
}

TEST(LoadCommand, ManyClientsGetTheAnswersOfOneAlone) {
  const Json report = LoadedJson({"--clients", "8", "--requests", "3", "--prompts", "5", "--check",
                                  "--prompt-tokens", "40", "--max-tokens", "8"});
  EXPECT_EQ(report["requests"], 24);
  EXPECT_EQ(report["succeeded"], 24);
  EXPECT_EQ(report["check"], Json({{"compared", 24}, {"wrong", 0}, {"log_probabilities", true}}));
  EXPECT_EQ(report["tokens"]["prompt"], 24 * 40);
  EXPECT_EQ(report["tokens"]["answer"], 24 * 8);
  EXPECT_GT(report["tokens"]["cached"], 0);
  const Json& times = report["times"];
  EXPECT_EQ(times["time_to_first_token_s"]["count"], 24);
  EXPECT_GE(times["whole_s"]["p90"], times["whole_s"]["p50"]);
  EXPECT_GT(report["tokens_per_s"], 0);
}

TEST(LoadCommand, ChatsAreTheSameToTheBitToo) {
  const Json report =
      LoadedJson({"--chat", "--clients", "4", "--requests", "2", "--prompts", "3", "--check",
                  "--prompt-tokens", "30", "--shared-prefix", "10", "--max-tokens", "8"});
  EXPECT_EQ(report["check"], Json({{"compared", 8}, {"wrong", 0}, {"log_probabilities", true}}));
  EXPECT_EQ(report["load"]["prompts_are_ids"], false);
}

TEST(LoadCommand, RequestsComeAtTheirRate) {
  const Json report =
      LoadedJson({"--rate", "200", "--requests", "6", "--prompt-tokens", "8", "--max-tokens", "2"});
  EXPECT_EQ(report["succeeded"], 6);
  EXPECT_EQ(report["load"]["rate"], 200);
  EXPECT_EQ(report["load"]["clients"], nullptr);
}

TEST(LoadCommand, DurationEndsWhatHasNoNumberOfRequests) {
  const Json report =
      LoadedJson({"--duration", "0.2", "--prompt-tokens", "8", "--max-tokens", "2"});
  EXPECT_GT(report["succeeded"], 0);
}

TEST(LoadCommand, AnswersMayEndWhereTheServerKnowsNoOtherFields) {
  const Json report = LoadedJson({"--requests", "1", "--allow-end"});
  EXPECT_EQ(report["succeeded"], 1);
}

TEST(LoadCommand, DrawsTimes) {
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / "load_command_test.svg";
  const ProcessResult result =
      Load(Pico().url(), {"--requests", "1", "--max-tokens", "4", "--plot", path.string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("1 of 1 requests succeeded"));
  std::stringstream image;
  image << std::ifstream(path).rdbuf();
  EXPECT_THAT(image.str(), HasSubstr("time to first token, p50"));
  EXPECT_THAT(image.str(), HasSubstr("</svg>"));
}

TEST(LoadCommand, SendsAKey) {
  const ServedPico locked({}, {"TRINITY_API_KEY=secret"});
  const std::vector<std::string> flags = {"--requests", "1", "--max-tokens", "2"};
  const ProcessResult without = Load(locked.url(), flags);
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.err, HasSubstr("HTTP 401"));
  ProcessOptions environment;
  environment.environment = {{"TRINITY_API_KEY", "secret"}};
  EXPECT_EQ(Load(locked.url(), flags, environment).exit_code, 0);
  EXPECT_EQ(
      Load(locked.url(), {"--requests", "1", "--max-tokens", "2", "--api-key", "secret"}).exit_code,
      0);
}

TEST(LoadCommand, AsksOverTlsWhomItTrusts) {
  const OwnCertificate own;
  const ServedPico server({"--tls-cert", own.certificate, "--tls-key", own.key});
  const std::vector<std::string> flags = {"--requests", "2", "--max-tokens", "2"};
  const ProcessResult unknown = Load(server.url(), flags);
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("certificate verify failed"));
  std::vector<std::string> trusting = flags;
  trusting.insert(trusting.end(), {"--ca-file", own.certificate});
  const ProcessResult trusted = Load(server.url(), trusting);
  EXPECT_EQ(trusted.exit_code, 0) << trusted.err;
  EXPECT_THAT(trusted.out, HasSubstr("2 of 2 requests succeeded"));
}

TEST(LoadCommand, RefusesWhatCannotBeAsked) {
  EXPECT_EQ(RunTrinity({"load"}).exit_code, 2);
  EXPECT_EQ(Load("localhost:80", {}).exit_code, 2);
  EXPECT_EQ(Load("http://a", {"--clients", "2", "--rate", "1"}).exit_code, 2);
  EXPECT_EQ(Load("http://a", {"--shared-prefix", "200"}).exit_code, 2);
  EXPECT_EQ(Load("http://a", {"--ca-file", "x.pem"}).exit_code, 2);
  EXPECT_EQ(Load("http://a", {"--api-key", "a\r\nX: y"}).exit_code, 2);
  const ProcessResult refused = Load("http://127.0.0.1:1", {});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("http://127.0.0.1:1/v1/models: connecting"));
}

TEST(LoadCommand, NamesWhatAServerDoesWrong) {
  const std::string stream = "text/event-stream";
  const std::string text = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
  ExpectFailure("SSH-2.0-OpenSSH_9.2\r\n", "not HTTP");
  ExpectFailure("", "connection closed");
  ExpectFailure("HTTP/1.1 200 OK\r\nContent-Le", "connection closed");
  ExpectFailure(Response("application/json", "{}"), "not a stream");
  ExpectFailure(Response("application/json", "{\"error\":{\"message\":\"busy\"}}", "503 Busy"),
                "HTTP 503");
  ExpectFailure(Response(stream, text), "stream cut");
  ExpectFailure(Response(stream, "data: {oops\n\n"), "bad event");
  ExpectFailure(Response(stream, text + "data: {\"error\":{\"message\":\"gone\"}}\n\n"),
                "error event");
  ExpectFailure(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\nzz\r\nabcdef",
      "not HTTP");
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += text;
  ExpectFailure(Response(stream, endless), "answer too long", {"--max-tokens", "4"});
}

TEST(LoadCommand, AServerThatStallsIsATimeout) {
  ExpectFailure({}, "timeout", {"--timeout", "0.1"});
}

TEST(LoadCommand, CountsEventsOfAServerThatCountsNoTokens) {
  const ProcessResult result = LoadOf(
      Response("text/event-stream", "data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]\n\n"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("prompts of about 128 tokens"));
  EXPECT_THAT(result.out, HasSubstr("the server does not count tokens"));
}

TEST(LoadCommand, AnAnswerThatDiffersIsWrong) {
  int num_answers = 0;
  const ScriptedServer server([&](const std::string& line) {
    if (!line.starts_with("POST /v1/completions")) {
      return Response("text/plain", "no", "404 Not Found");
    }
    const std::string text = std::to_string(num_answers++);
    return Response("text/event-stream",
                    "data: {\"choices\":[{\"text\":\"" + text + "\"}]}\n\ndata: [DONE]\n\n");
  });
  const ProcessResult result =
      Load(server.url(), {"--model", "m", "--requests", "2", "--prompts", "1", "--check"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("2 of 2 answers are not those of the same prompt alone"));
  EXPECT_THAT(result.out, HasSubstr("2 of 2 repeated answers differ, by text\n"));
}

TEST(LoadCommand, GivesUpOnAServerThatHasGone) {
  const ScriptedServer server([](const std::string& line) {
    return line.starts_with("POST /v1/completions") ? "" : Response("text/plain", "", "404 No");
  });
  const ProcessResult result = Load(server.url(), {"--model", "m", "--duration", "100"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("100 of 100 requests failed"));
}

}  // namespace
}  // namespace trinity

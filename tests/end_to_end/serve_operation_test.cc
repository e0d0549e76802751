#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_pico.h"

namespace trinity {
namespace {

using testing::HasSubstr;

TEST(ServeOperation, LimitsHaveFlags) {
  const ServedPico server({"--max-stop-bytes", "4", "--max-nesting", "4"});
  Json body = {{"prompt", "a"}, {"max_tokens", 1}, {"stop", "1234"}};
  EXPECT_EQ(server.Post("/v1/completions", body).status, 200);
  body["stop"] = "12345";
  EXPECT_EQ(server.Post("/v1/completions", body).status, 400);
  EXPECT_EQ(server.Post("/tokenize", Json::parse(R"({"content": "a", "x": [[[[]]]]})")).status,
            400);
}

std::string Documentation() {
  std::ifstream file(TRINITY_SOURCE_DIR "/docs/serving.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// What stands after each `mark` of `text`, as far as it is a name.
std::vector<std::string> NamesAfter(const std::string& text, const std::string& mark) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-";
  std::vector<std::string> names;
  for (size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
    const size_t begin = at + mark.size();
    names.push_back(text.substr(begin, text.find_first_not_of(kLetters, begin) - begin));
  }
  return names;
}

TEST(ServeOperation, EveryFlagAndMetricIsDocumented) {
  const std::string page = Documentation();
  const std::string help = RunTrinity({"serve", "--help"}).out;
  const std::vector<std::string> flags = NamesAfter(help, "\n  --");
  EXPECT_GT(flags.size(), 30);
  for (const std::string& flag : flags) EXPECT_THAT(page, HasSubstr("`--" + flag + "`"));
  const std::vector<std::string> metrics =
      NamesAfter(ServedPico({}).Get("/metrics").body, "# TYPE ");
  EXPECT_GT(metrics.size(), 20);
  // Not by a regular expression: Oniguruma exports a regcomp, which would compile what the regexec
  // of the sanitizers or of the C library then runs.
  for (const std::string& metric : metrics) {
    EXPECT_THAT(page, AnyOf(HasSubstr("`" + metric + "`"), HasSubstr("`" + metric + "{")));
  }
}

// The first line of the log of a server, which is ended.
std::string FirstLineOfLog(ServedPico& server, const std::string& path) {
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  std::ifstream file(path);
  std::string line;
  EXPECT_TRUE(std::getline(file, line));
  return line;
}

TEST(ServeOperation, TheLogTellsSamplingAndWhyAPrefixWasMissed) {
  const std::string path = testing::TempDir() + "serve_log";
  std::filesystem::remove(path);
  ServedPico server({"--log-file", path});
  const Json body = {
      {"messages", Messages("Hi")}, {"max_tokens", 4}, {"seed", 3}, {"temperature", 1}};
  EXPECT_EQ(server.Post("/v1/chat/completions", body).status, 200);
  const std::string line = FirstLineOfLog(server, path);
  const Json entry = Json::parse(line);
  EXPECT_THAT(std::string(entry.at("sampling")), HasSubstr("temperature 1, top_k 50"));
  EXPECT_THAT(std::string(entry.at("sampling")), HasSubstr("seed 3"));
  EXPECT_TRUE(entry.at("prefix_miss").is_string()) << line;
  std::filesystem::remove(path);
}

TEST(ServeOperation, AStreamThatIsNotReadIsEndedOnceMoreWaitsThanMay) {
  const ServedPico server({"--max-unsent", "64kB"});
  RawHttpClient client(server.port(), 4096);
  const Json body = {{"prompt", "a"},
                     {"stream", true},
                     {"ignore_eos", true},
                     {"logprobs", 20},
                     {"max_tokens", 1500}};
  client.Send(RawHttpClient::Post("/v1/completions", body.dump()));
  ASSERT_TRUE(client.ReadUntil("\"text\":\""));
  server.AwaitStats([](const Json& stats) { return stats.at("requests").at("finished") > 0; });
  EXPECT_EQ(server.Stats().at("requests").at("cancelled"), 1);
}

TEST(ServeOperation, TheLogCountsWhatWasSent) {
  const std::string path = testing::TempDir() + "serve_sent_log";
  std::filesystem::remove(path);
  ServedPico server({"--log-file", path});
  RawHttpClient client(server.port(), 4096);
  const Json body = {
      {"prompt", std::vector<int>(4000, 300)}, {"echo", true}, {"logprobs", 20}, {"max_tokens", 1}};
  client.Send(RawHttpClient::Post("/v1/completions", body.dump()));
  ASSERT_TRUE(client.ReadUntil("HTTP/1.1 200"));
  client.Close();
  const std::string line = FirstLineOfLog(server, path);
  const Json entry = Json::parse(line);
  EXPECT_FALSE(entry.at("complete"));
  EXPECT_GT(entry.at("sent_bytes"), 0) << line;
  EXPECT_LT(entry.at("sent_bytes"), 1'500'000) << line;
  std::filesystem::remove(path);
}

TEST(ServeOperation, TheTimeOfStepsIsThatOfPromptsAndOfAnswers) {
  const ServedPico server({});
  const auto steps = [&](int max_tokens) {
    const Json body = {
        {"prompt", std::vector<int>(200, 300)}, {"max_tokens", max_tokens}, {"ignore_eos", true}};
    EXPECT_EQ(server.Post("/v1/completions", body).status, 200);
    return server.Stats()["steps"];
  };
  const Json prompt = steps(1);
  EXPECT_GT(prompt.at("prefill_seconds"), 0);
  EXPECT_EQ(prompt.at("decode_seconds"), 0);
  const Json both = steps(20);
  EXPECT_GT(both.at("decode_seconds"), 0);
  EXPECT_NEAR(both.at("seconds"),
              double{both.at("prefill_seconds")} + double{both.at("decode_seconds")}, 1e-9);
}

TEST(ServeOperation, AStepThatDoesNotEndIsSeenInReadiness) {
  const ServedPico server({"--step-tokens", "4096", "--ready-timeout", "0.01"});
  EXPECT_EQ(server.Get("/health/ready").status, 200);
  RawHttpClient client(server.port());
  const Json body = {{"prompt", std::vector<int>(4000, 300)}, {"max_tokens", 1}};
  client.Send(RawHttpClient::Post("/v1/completions", body.dump()));
  RawHttpResponse ready;
  while (ready.status != 503 && !client.has_unread()) ready = server.Get("/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, HasSubstr("no step has ended"));
  EXPECT_EQ(server.Get("/health/live").status, 200);
  EXPECT_EQ(client.ReadResponse().status, 200);
  while (server.Get("/health/ready").status != 200) {
  }
}

}  // namespace
}  // namespace trinity

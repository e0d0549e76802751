#include <gtest/gtest.h>

#include <memory>

#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_on_ranks.h"
#include "tests/end_to_end/served_pico.h"

// Tokens and log probabilities of an answer are those of the same request alone, whatever else the
// server computes and however it cuts that into steps.

namespace trinity {
namespace {

constexpr int kNumQuestions = 12;

// Prompts of 10 to 54 tokens, in turn greedy and drawn. Of memory an answer begins with a page and
// ends with three.
std::string Question(int index) {
  Json ids = Json::array();
  for (int i = 0; i < 10 + 4 * index; ++i) ids.push_back(300 + (index * 131 + i * 7) % 3000);
  const Json body = {{"prompt", ids},           {"max_tokens", 140}, {"ignore_eos", true},
                     {"seed", index},           {"logprobs", 3},     {"temperature", index % 2},
                     {"return_token_ids", true}};
  return RawHttpClient::Post("/v1/completions", body.dump());
}

Json ChoicesOf(const RawHttpResponse& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  return Json::parse(response.body)["choices"];
}

// Asked one after the other.
std::vector<Json> AnswersInTurn(int port, int num_questions) {
  std::vector<Json> answers;
  for (int i = 0; i < num_questions; ++i) answers.push_back(ChoicesOf(Exchange(port, Question(i))));
  return answers;
}

// Without anything that was kept.
const std::vector<Json>& AnswersAlone() {
  static const std::vector<Json> answers =
      AnswersInTurn(ServedPico({"--no-prefix-cache"}).port(), kNumQuestions);
  return answers;
}

void ExpectAnswersOfManyClients(int port, size_t num_clients, const std::vector<Json>& expected) {
  std::vector<std::unique_ptr<RawHttpClient>> clients;
  for (size_t i = 0; i < num_clients; ++i) {
    clients.push_back(std::make_unique<RawHttpClient>(port));
    ASSERT_TRUE(clients.back()->Send(Question(static_cast<int>(i % expected.size()))));
  }
  for (size_t i = 0; i < num_clients; ++i) {
    EXPECT_EQ(ChoicesOf(clients[i]->ReadResponse()), expected[i % expected.size()]) << i;
  }
}

TEST(ServeSameBits, OfManyClientsWhereMemoryIsShort) {
  const ServedPico server({"--kv-budget", "3MiB", "--step-tokens", "64", "--no-prefix-cache"});
  ExpectAnswersOfManyClients(server.port(), 48, AnswersAlone());
  EXPECT_GT(server.Stats()["sequences"]["preempted"], 0);
}

TEST(ServeSameBits, OfManyClientsInShortSteps) {
  const ServedPico server(
      {"--step-tokens", "17", "--max-sequences", "16", "--threads", "1", "--no-prefix-cache"});
  ExpectAnswersOfManyClients(server.port(), 16, AnswersAlone());
}

TEST(ServeSameBits, ColdAndWarm) {
  const ServedPico server({"--keep-every", "64"});
  ExpectAnswersOfManyClients(server.port(), 16, AnswersAlone());
  const int64_t cold = server.Stats()["tokens"]["prefill"];
  ExpectAnswersOfManyClients(server.port(), 16, AnswersAlone());
  const Json stats = server.Stats();
  EXPECT_LT(stats["tokens"]["prefill"].get<int64_t>() - cold, 2 * 16) << stats;
}

TEST(ServeSameBits, AsTheLoadCommandChecksThem) {
  const ServedPico server({"--kv-budget", "3MiB", "--step-tokens", "64"});
  const ProcessResult result =
      RunTrinity({"load", server.url(), "--check", "--clients", "64", "--requests", "1",
                  "--prompts", "8", "--prompt-tokens", "40", "--max-tokens", "100", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Json::parse(result.out)["check"],
            Json({{"compared", 64}, {"wrong", 0}, {"log_probabilities", true}}));
  const Json stats = server.Stats();
  EXPECT_GT(stats["sequences"]["preempted"], 0) << stats;
  EXPECT_GT(stats["prefixes"]["evicted"], 0) << stats;
}

TEST(ServeSameBitsOnRanks, OfManyClientsOnThreadsAndOnProcesses) {
  const ServedPico threads({"--ranks", "2", "--no-prefix-cache"});
  const std::vector<Json> alone = AnswersInTurn(threads.port(), 4);
  ExpectAnswersOfManyClients(threads.port(), 8, alone);
  const auto processes = ServedOnRanks::Processes(2, "--step-tokens 64");
  ExpectAnswersOfManyClients(processes->port(), 8, alone);
  ExpectAnswersOfManyClients(processes->port(), 4, alone);  // with what is kept
}

TEST(ServeSameBitsOnRanks, ReproducibleOnesGiveThoseOfOneProcess) {
  const std::vector<Json> alone = AnswersInTurn(ServedPico({"--reproducible-ranks"}).port(), 4);
  const auto processes = ServedOnRanks::Processes(2, "--step-tokens 64 --reproducible-ranks");
  ExpectAnswersOfManyClients(processes->port(), 8, alone);
}

}  // namespace
}  // namespace trinity

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/end_to_end/served_pico.h"

// How many tokens of a prompt are not computed again, and that nothing is lost of what is kept.

namespace trinity {
namespace {

constexpr int kTurnBegin = 2;  // <|im_start|>

// Far more tokens than the sliding layers see, so that one cannot go back within them.
std::string Words(int which) {
  constexpr const char* kWords[] = {"river",  "stone",  "violin", "cloud", "garden", "letter",
                                    "winter", "bridge", "music",  "paper", "horse",  "light"};
  std::string text;
  for (int i = 0; i < 200; ++i) text += std::string(" ") + kWords[(i * i + which + i / 12) % 12];
  return std::to_string(which) + text;
}

Json Message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

std::vector<int> Ids(int count, int which) {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) ids.push_back(300 + (i * 17 + which * 101) % 3000);
  return ids;
}

std::vector<int> Joined(std::vector<int> first, const std::vector<int>& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

struct Answer {
  int num_cached;
  int num_prompt;
  std::vector<int> ids;
};

// Two servers, of which one keeps nothing: the answers are the same.
class ServePrefixes : public testing::Test {
 protected:
  static Answer Ask(const ServedPico& server, const char* path, Json body) {
    body.update(
        {{"max_tokens", 40}, {"ignore_eos", true}, {"temperature", 0}, {"return_token_ids", true}});
    const Json warm = Asked(server, path, body);
    const Json cold = Asked(Cold(), path, body);
    EXPECT_EQ(warm["choices"], cold["choices"]);
    EXPECT_EQ(cold["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    return {warm["usage"]["prompt_tokens_details"]["cached_tokens"], warm["usage"]["prompt_tokens"],
            warm["choices"][0]["token_ids"].get<std::vector<int>>()};
  }
  static Answer AskChat(const ServedPico& server, const Json& messages) {
    return Ask(server, "/v1/chat/completions", {{"messages", messages}});
  }
  static Answer AskText(const ServedPico& server, const std::vector<int>& ids) {
    return Ask(server, "/v1/completions", {{"prompt", ids}});
  }
  static std::vector<int> Tokenize(const Json& messages) {
    return Asked(Cold(), "/tokenize", {{"messages", messages}})["tokens"].get<std::vector<int>>();
  }
  // Where the turn of this index begins.
  static int TurnBegin(const std::vector<int>& ids, int index) {
    int num_seen = -1;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == kTurnBegin && ++num_seen == index) return static_cast<int>(i);
    }
    ADD_FAILURE() << "no turn " << index;
    return -1;
  }

 private:
  static Json Asked(const ServedPico& server, const char* path, const Json& body) {
    const RawHttpResponse response = server.Post(path, body);
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body);
  }
  static const ServedPico& Cold() {
    static const ServedPico server({"--no-prefix-cache"});
    return server;
  }
};

TEST_F(ServePrefixes, ASystemPromptThatIsSharedIsComputedOnce) {
  const ServedPico server({});
  const Json system = Message("system", Words(0));
  const auto chat = [&](int which) { return Json::array({system, Message("user", Words(which))}); };
  EXPECT_EQ(AskChat(server, chat(1)).num_cached, 0);
  const int end = TurnBegin(Tokenize(chat(1)), 1);
  EXPECT_GT(end, 200);
  EXPECT_EQ(AskChat(server, chat(2)).num_cached, end);
  EXPECT_EQ(AskChat(server, chat(3)).num_cached, end);
}

TEST_F(ServePrefixes, EveryTurnThatIsSharedIsComputedOnce) {
  const ServedPico server({});
  const auto chat = [&](int answer, int last) {
    return Json::array({Message("user", Words(0)), Message("assistant", Words(answer)),
                        Message("user", Words(last))});
  };
  EXPECT_EQ(AskChat(server, chat(1, 2)).num_cached, 0);
  const std::vector<int> ids = Tokenize(chat(1, 2));
  EXPECT_EQ(AskChat(server, chat(1, 3)).num_cached, TurnBegin(ids, 2));
  EXPECT_EQ(AskChat(server, chat(4, 2)).num_cached, TurnBegin(ids, 1));
}

TEST_F(ServePrefixes, TheNextTurnContinuesFromTheAnswer) {
  const ServedPico server({});
  Json messages = Json::array({Message("system", Words(0)), Message("user", "What is a violin?")});
  const Answer first = AskChat(server, messages);
  const std::vector<int> known = Joined(Tokenize(messages), first.ids);
  const Json text = Json::parse(server.Post("/detokenize", {{"tokens", first.ids}}).body);
  messages.push_back(Message("assistant", text["content"]));
  messages.push_back(Message("user", Words(2)));
  const Answer next = AskChat(server, messages);
  const std::vector<int> ids = Tokenize(messages);
  const auto num_shared = static_cast<int>(
      std::mismatch(known.begin(), known.end(), ids.begin(), ids.end()).first - known.begin());
  EXPECT_GT(num_shared, first.num_prompt + 10) << "the text of the answer has its tokens again";
  // The last token of an answer is not computed before somebody wants what follows it.
  EXPECT_EQ(next.num_cached, std::min(num_shared, first.num_prompt + 40 - 1));
}

TEST_F(ServePrefixes, ABranchInAnAnswerComputesFewerTokensThanLieBetweenKeptPoints) {
  const ServedPico server({"--keep-every", "64"});
  const std::vector<int> prompt = Ids(310, 0);
  Json body = {{"prompt", prompt}, {"max_tokens", 300}, {"ignore_eos", true},
               {"seed", 1},        {"temperature", 1},  {"return_token_ids", true}};
  const Json reply = Json::parse(server.Post("/v1/completions", body).body);
  const std::vector<int> answer = reply["choices"][0]["token_ids"];
  ASSERT_EQ(answer.size(), 300);
  const auto branch = [&](int num_shared, int which) {
    return Joined(prompt, Joined({answer.begin(), answer.begin() + num_shared}, Ids(200, which)));
  };
  EXPECT_EQ(AskText(server, branch(100, 1)).num_cached, 384);
  // Now it is known that texts part there.
  EXPECT_EQ(AskText(server, branch(100, 2)).num_cached, 410);
  // At a point that is kept nothing is computed again.
  EXPECT_EQ(AskText(server, branch(138, 3)).num_cached, 448);
  EXPECT_EQ(AskText(server, branch(0, 4)).num_cached, 310);
}

TEST_F(ServePrefixes, WherePromptsPartedIsKeptForThoseThatComeAfter) {
  const ServedPico server({});
  const std::vector<int> prompt = Ids(600, 0);
  const auto branch = [&](int which) {
    return Joined({prompt.begin(), prompt.begin() + 333}, Ids(200, which));
  };
  EXPECT_EQ(AskText(server, prompt).num_cached, 0);
  EXPECT_EQ(AskText(server, branch(1)).num_cached, 0);
  EXPECT_EQ(AskText(server, branch(2)).num_cached, 333);
  EXPECT_EQ(AskText(server, prompt).num_cached, 599) << "all but the one whose logits are wanted";
}

// What clients may do while prefixes are kept. The budget is that of the longest prompt.
class ServePrefixFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServedPico({"--max-sequences", "2", "--step-tokens", "32", "--kv-budget", "8MiB",
                              "--write-timeout", "1"});
    reference_ = Answer();
  }
  // What is kept makes room for the longest prompt.
  static void TearDownTestSuite() {
    const Json model = Json::parse(server_->Get("/v1/models").body)["data"][0];
    const int longest = model["max_model_len"].get<int>() - 1;
    EXPECT_LT(longest, 4000) << "the budget limits it";
    const RawHttpResponse response =
        server_->Post("/v1/completions", {{"prompt", Ids(longest, 9)}, {"max_tokens", 1}});
    EXPECT_EQ(response.status, 200) << response.body;
    ExpectIdle();
    delete server_;
  }

  // No page is in use but those of kept prefixes, and the next answer has the same bits.
  void TearDown() override {
    ExpectIdle();
    EXPECT_EQ(Answer(), reference_);
    ExpectIdle();
  }

  static Json Answer() {
    const Json body = {{"messages", Messages("What is a violin?")},
                       {"max_tokens", 12},
                       {"temperature", 0},
                       {"logprobs", true}};
    return Json::parse(server_->Post("/v1/chat/completions", body).body)["choices"];
  }

  static void ExpectIdle() {
    const Json stats = server_->AwaitIdle();
    EXPECT_EQ(stats["kv"]["bytes"], stats["prefixes"]["bytes"]) << stats;
    EXPECT_GT(stats["prefixes"]["kept"], 0);
  }

  static std::string Stream(const std::vector<int>& prompt, const Json& more = Json::object()) {
    Json body = {{"prompt", prompt},
                 {"max_tokens", 3000},
                 {"seed", 1},
                 {"ignore_eos", true},
                 {"stream", true}};
    body.update(more);
    return RawHttpClient::Post("/v1/completions", body.dump());
  }

  static inline ServedPico* server_ = nullptr;
  static inline Json reference_;
};

TEST_F(ServePrefixFaults, DisconnectInDecodeLosesNoPage) {
  for (int round = 0; round < 3; ++round) {
    const int64_t before = server_->num_cancelled();
    RawHttpClient client(server_->port());
    client.Send(Stream(Ids(200, 7)));
    ASSERT_TRUE(client.ReadUntil("\"text\":\""));
    client.Close();
    server_->AwaitCancelled(before + 1);
  }
}

TEST_F(ServePrefixFaults, DisconnectInPrefillLosesNoPage) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient client(server_->port());
  client.Send(Stream(Ids(2500, 8), {{"max_tokens", 50}}));
  ASSERT_TRUE(client.ReadUntil(": prompt: "));
  client.Close();
  server_->AwaitCancelled(before + 1);
}

TEST_F(ServePrefixFaults, DisconnectInTheQueueLosesNoPage) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient first(server_->port());
  RawHttpClient second(server_->port());
  first.Send(Stream(Ids(200, 7)));
  second.Send(Stream(Ids(100, 7)));
  ASSERT_TRUE(first.ReadUntil("\"text\":\""));
  ASSERT_TRUE(second.ReadUntil("\"text\":\""));
  RawHttpClient queued(server_->port());
  queued.Send(Stream(Ids(250, 7)));
  ASSERT_TRUE(queued.ReadUntil("\r\n\r\n"));
  queued.Close();
  server_->AwaitCancelled(before + 1);
  first.Close();
  second.Close();
  server_->AwaitCancelled(before + 3);
}

TEST_F(ServePrefixFaults, DisconnectWhileTheAnswerIsFlushedLosesNoPage) {
  RawHttpClient client(server_->port(), 4096);
  client.Send(Stream(Ids(800, 7),
                     {{"max_tokens", 1}, {"stream", false}, {"echo", true}, {"logprobs", 20}}));
  ASSERT_TRUE(client.ReadUntil("HTTP/1.1 200"));
  client.Close();
}

TEST_F(ServePrefixFaults, HalfCloseLosesNoPage) {
  const int64_t before = server_->num_cancelled();
  RawHttpClient client(server_->port());
  client.Send(Stream(Ids(200, 7)));
  ASSERT_TRUE(client.ReadUntil("\"text\":\""));
  client.EndSending();
  server_->AwaitCancelled(before + 1);
}

// Answers that give way to others and then are left.
TEST_F(ServePrefixFaults, DisconnectWhereMemoryIsOutLosesNoPage) {
  const Json before = server_->Stats();
  const int64_t preempted = before["sequences"]["preempted"];
  const int64_t finished = before["requests"]["finished"];
  RawHttpClient first(server_->port());
  RawHttpClient second(server_->port());
  first.Send(Stream(Ids(1200, 1), {{"max_tokens", 2000}}));
  second.Send(Stream(Ids(1200, 2), {{"max_tokens", 2000}}));
  server_->AwaitStats([&](const Json& stats) {
    return stats["sequences"]["preempted"] > preempted || stats["requests"]["finished"] > finished;
  });
  EXPECT_GT(server_->Stats()["sequences"]["preempted"], preempted);
}

}  // namespace
}  // namespace trinity

#include "tests/end_to_end/chat_terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

constexpr const char* kInterrupt = "\x03";
constexpr const char* kHome = "\x01";  // Ctrl-A

// A prompt that is long enough to be interrupted before the first token of its answer.
std::string ManyWords() {
  std::string text;
  for (int i = 0; i < 900; ++i) text += "many words ";
  return text;
}

TEST(ChatTerminal, AnotherSizePaintsTheLineAgainAndWrapsThere) {
  ChatTerminal chat({"--temp", "0"});
  ASSERT_TRUE(chat.WaitFor("> "));
  chat.Type(std::string(30, 'a') + " end");
  ASSERT_TRUE(chat.WaitFor("end"));
  chat.Resize(20);
  chat.Type("s");
  // The prompt and 35 letters take two rows: the first of them is one above the cursor.
  EXPECT_TRUE(chat.WaitFor("\x1b[1A\r\x1b[J> aaa")) << chat.output();
  ASSERT_TRUE(chat.WaitFor("end"));
  ASSERT_TRUE(chat.WaitFor("s"));
  chat.Type(kHome);
  EXPECT_TRUE(chat.WaitFor("\x1b[A")) << chat.output();
  chat.Type("\x0b");  // Ctrl-K: all is taken away
  EXPECT_EQ(chat.Quit(), 0);
}

TEST(ChatTerminal, ComesBackFromTheShellThatStoppedIt) {
  ChatTerminal chat({"--temp", "0"});
  ASSERT_TRUE(chat.WaitFor("> "));
  chat.Type("/und");
  ASSERT_TRUE(chat.WaitFor("/und"));
  EXPECT_FALSE(chat.EditsLines());
  chat.Signal(SIGSTOP);
  chat.SetEditsLines();  // the shell's
  chat.Signal(SIGCONT);
  EXPECT_TRUE(chat.WaitFor("> /und")) << chat.output();
  EXPECT_FALSE(chat.EditsLines());
  EXPECT_TRUE(chat.Send("o", "there is no turn yet")) << chat.output();
  EXPECT_EQ(chat.Quit(), 0);
}

TEST(ChatTerminal, LeavesTheTerminalAsItWasHoweverItEnds) {
  for (const int signal : {SIGTERM, SIGHUP}) {
    ChatTerminal chat({"--temp", "0"});
    ASSERT_TRUE(chat.WaitFor("> "));
    chat.Type("half");
    ASSERT_TRUE(chat.WaitFor("half"));
    chat.Signal(signal);
    EXPECT_EQ(chat.AwaitExit(), -1);
    EXPECT_TRUE(chat.EditsLines());
  }
}

TEST(ChatTerminal, BytesThatAreNoCharactersLeaveTheKeysAfterThemAlone) {
  const TemporaryFolder folder;
  ChatTerminal chat({"--temp", "0", "-n", "1"});
  ASSERT_TRUE(chat.WaitFor("> "));
  EXPECT_TRUE(chat.Send("\xe9t\xe9", "cut")) << chat.output();
  EXPECT_TRUE(chat.Send("/save " + folder / "saved", ": saved")) << chat.output();
  EXPECT_EQ(LoadJson(folder / "saved")["messages"][0]["content"], "\uFFFDt\uFFFD");
}

TEST(ChatTerminal, InterruptLeavesABlockWithAndWithoutEditing) {
  for (const char* terminal : {"xterm", "dumb"}) {
    ChatTerminal chat({"--temp", "0"}, {{"TERM", terminal}});
    ASSERT_TRUE(chat.WaitFor("> "));
    ASSERT_TRUE(chat.Send("\"\"\"", ". "));
    ASSERT_TRUE(chat.Send("in a block", ". "));
    chat.Type(kInterrupt);
    EXPECT_TRUE(chat.WaitFor("> ")) << terminal << chat.output();
    EXPECT_TRUE(chat.Send("/stats", "turns: 0")) << terminal << chat.output();
    EXPECT_EQ(chat.Quit(), 0);
  }
}

// A conversation whose prompt is long, with another system message each time, so that all of it is
// computed anew. Ctrl-C then comes before the first token sooner or later, however busy the machine
// is.
class LongConversation {
 public:
  static constexpr int kAttempts = 50;

  LongConversation() {
    const Json user = {{"role", "user"}, {"content", ManyWords()}};
    const Json assistant = {{"role", "assistant"}, {"content", "first"}};
    std::ofstream(folder_ / "long.json") << Json({{"messages", {user, assistant}}}).dump();
  }
  bool LoadInto(ChatTerminal& chat) {
    return chat.Send("/load " + folder_ / "long.json", "loaded") &&
           chat.Send("/system " + std::to_string(num_loads_++), "[system: ") && chat.WaitFor("> ");
  }
  // The answers of the conversation as it is in the chat now.
  Json AnswersIn(ChatTerminal& chat) {
    const std::string path = folder_ / "now.json";
    EXPECT_TRUE(chat.Send("/save " + path, ": saved")) << chat.output();
    const Json saved = LoadJson(path);
    Json answers = Json::array();
    for (const Json& message : saved["messages"]) {
      if (message["role"] == "assistant") answers.push_back(message["content"]);
    }
    return answers;
  }

 private:
  TemporaryFolder folder_;
  int num_loads_ = 0;
};

TEST(ChatTerminal, AnAnswerStaysWhereAnotherWasStoppedBeforeItBegan) {
  LongConversation conversation;
  ChatTerminal chat({"--temp", "0", "-t", "1", "--prefill-chunk", "1"});
  ASSERT_TRUE(chat.WaitFor("> "));
  bool has_stayed = false;
  for (int i = 0; i < LongConversation::kAttempts && !has_stayed; ++i) {
    ASSERT_TRUE(conversation.LoadInto(chat)) << chat.output();
    ASSERT_TRUE(chat.Send("/retry", "will be the same"));
    chat.Type(kInterrupt);
    ASSERT_TRUE(chat.Send("/stats", "turns: 1")) << chat.output();
    has_stayed = chat.passage().find("[the answer before it stays]") != std::string::npos;
  }
  ASSERT_TRUE(has_stayed) << chat.output();
  EXPECT_EQ(conversation.AnswersIn(chat), Json({"first"}));
}

TEST(ChatTerminal, AMessageThatWasStoppedCanBeSentAgain) {
  LongConversation conversation;
  ChatTerminal chat({"--temp", "0", "-t", "1", "--prefill-chunk", "1", "-n", "2"});
  ASSERT_TRUE(chat.WaitFor("> "));
  bool is_unanswered = false;
  for (int i = 0; i < LongConversation::kAttempts && !is_unanswered; ++i) {
    ASSERT_TRUE(conversation.LoadInto(chat)) << chat.output();
    ASSERT_TRUE(chat.Send("Hello", "Hello\r\n"));
    chat.Type(kInterrupt);
    is_unanswered = conversation.AnswersIn(chat).size() == 1;
  }
  ASSERT_TRUE(is_unanswered) << chat.output();
  EXPECT_TRUE(chat.Send("/retry", "[cut")) << chat.output();
  EXPECT_EQ(conversation.AnswersIn(chat).size(), 2u);
}

}  // namespace
}  // namespace trinity

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

TEST(ChatTerminal, AnAnswerStaysWhereAnotherWasStoppedBeforeItBegan) {
  const TemporaryFolder folder;
  const std::string path = folder / "long.json";
  const Json user = {{"role", "user"}, {"content", ManyWords()}};
  const Json assistant = {{"role", "assistant"}, {"content", "first"}};
  std::ofstream(path) << Json({{"messages", {user, assistant}}}).dump();
  ChatTerminal chat({"--temp", "0", "-t", "1", "--prefill-chunk", "8"});
  ASSERT_TRUE(chat.WaitFor("> "));
  ASSERT_TRUE(chat.Send("/load " + path, "turns: 1"));
  ASSERT_TRUE(chat.Send("/retry", "will be the same"));
  chat.Type(kInterrupt);
  EXPECT_TRUE(chat.WaitFor("[the answer before it stays]")) << chat.output();
  EXPECT_TRUE(chat.Send("/stats", "turns: 1")) << chat.output();
}

TEST(ChatTerminal, AMessageThatWasStoppedCanBeSentAgain) {
  ChatTerminal chat(
      {"--temp", "0", "-t", "1", "--prefill-chunk", "8", "-n", "2", "--system", ManyWords()});
  ASSERT_TRUE(chat.WaitFor("> "));
  ASSERT_TRUE(chat.Send("Hello", "Hello\r\n"));
  chat.Type(kInterrupt);
  ASSERT_TRUE(chat.WaitFor("[stopped]")) << chat.output();
  EXPECT_TRUE(chat.Send("/stats", "turns: 0")) << chat.output();
  EXPECT_TRUE(chat.Send("/retry", "[cut")) << chat.output();
  EXPECT_TRUE(chat.Send("/stats", "turns: 1")) << chat.output();
}

}  // namespace
}  // namespace trinity

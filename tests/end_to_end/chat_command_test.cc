#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/file.h"
#include "base/json.h"
#include "tests/end_to_end/chat_terminal.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kViolin =
    "Violin: bowed stringed instrument that is the highest member of the violin family.";
constexpr const char* kHello = "Hello! How can I help you today?";
constexpr const char* kInterrupt = "\x03";
constexpr const char* kUp = "\x1b[A";
constexpr const char* kBackspace = "\x7f";

ProcessResult Pipe(const std::string& input, std::vector<std::string> flags = {"--temp", "0"}) {
  flags.insert(flags.begin(), "chat");
  return RunTrinity(flags, {.input = input});
}

// The numbers of each "prompt: P tokens, of these H held from before and C computed".
std::vector<std::array<int, 3>> PromptStats(const std::string& text) {
  std::vector<std::array<int, 3>> stats;
  const std::regex pattern(
      "prompt: (\\d+) tokens, of these (\\d+) held from before and (\\d+) comp");
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    stats.push_back({std::stoi((*at)[1]), std::stoi((*at)[2]), std::stoi((*at)[3])});
  }
  return stats;
}

TEST(ChatCommand, TalksAtATerminal) {
  ChatTerminal chat({"--temp", "0"});
  ASSERT_TRUE(chat.WaitFor("> "));
  EXPECT_TRUE(chat.Send("What is a violin?", kViolin)) << chat.output();
  EXPECT_TRUE(chat.Send("Hello!", kHello)) << chat.output();
  EXPECT_EQ(chat.Quit(), 0);
}

TEST(ChatCommand, LinesCanBeEditedAndHadAgain) {
  ChatTerminal chat({"--temp", "0"});
  ASSERT_TRUE(chat.WaitFor("> "));
  chat.Type(std::string("at is a violax") + kBackspace + kBackspace + "in?");
  EXPECT_TRUE(chat.Send("\x01Wh", kViolin)) << chat.output();  // Ctrl-A: to the beginning
  EXPECT_TRUE(chat.Send(kUp, kViolin)) << chat.output();
  EXPECT_TRUE(chat.Send("\x15/undo", "turns: 1")) << chat.output();
  EXPECT_EQ(chat.Quit(), 0);
}

TEST(ChatCommand, LettersOutsideOfAsciiCanBeTypedWhateverTheLocale) {
  const TemporaryFolder folder;
  ChatTerminal chat({"--temp", "0", "-n", "1"});
  ASSERT_TRUE(chat.WaitFor("> "));
  EXPECT_TRUE(chat.Send("Größe 漢😀", "cut")) << chat.output();
  EXPECT_TRUE(chat.Send("/save " + folder / "saved", ": saved")) << chat.output();
  EXPECT_EQ(LoadJson(folder / "saved")["messages"][0]["content"], "Größe 漢😀");
  EXPECT_EQ(chat.Quit(), 0);
}

TEST(ChatCommand, InterruptStopsTheAnswerAndNotTheProgram) {
  // Token 57 is a colon, and nothing else is picked.
  ChatTerminal chat({"--temp", "0", "--logit-bias", "57+1000"});
  ASSERT_TRUE(chat.WaitFor("> "));
  ASSERT_TRUE(chat.Send("Tell me a story.", ":::")) << chat.output();
  chat.Type(kInterrupt);
  EXPECT_TRUE(chat.WaitFor("[stopped]")) << chat.output();
  EXPECT_TRUE(chat.WaitFor("> "));
  chat.Type("half a line");
  ASSERT_TRUE(chat.WaitFor("line"));
  chat.Type(kInterrupt);  // forgets the line
  EXPECT_TRUE(chat.WaitFor("> ")) << chat.output();
  EXPECT_TRUE(chat.Send("/stats", "cancelled")) << chat.output();
  EXPECT_TRUE(chat.WaitFor("turns: 1")) << chat.output();
  EXPECT_EQ(chat.Quit(), 0);
}

TEST(ChatCommand, ReasoningIsGreyedAtATerminalOnly) {
  ChatTerminal chat({"--temp", "0", "--think"});
  ASSERT_TRUE(chat.WaitFor("> "));
  EXPECT_TRUE(chat.Send("What is 3 + 4?", "\x1b[90m")) << chat.output();
  EXPECT_TRUE(chat.WaitFor("\x1b[0m")) << chat.output();
  EXPECT_EQ(chat.Quit(), 0);
  const ProcessResult pipe = Pipe("What is 3 + 4?\n", {"--temp", "0", "--think"});
  EXPECT_THAT(pipe.out, AllOf(StartsWith("<think>\n"), HasSubstr("\n</think>\n")));
}

TEST(ChatCommand, ThinkingCanBeSwitchedBetweenAnswers) {
  const std::string ask = "What is a violin?\n/undo\n";
  const ProcessResult result = Pipe(ask + "/set think on\n" + ask + "/set think off\n" + ask);
  const std::string plain = std::string(kViolin) + "\n";
  EXPECT_THAT(result.out, AllOf(StartsWith(plain + "<think>\n"), testing::EndsWith(plain)));
  EXPECT_EQ(result.out.rfind("<think>"), plain.size()) << result.out;
}

TEST(ChatCommand, TheSystemMessageOfTheFlagIsPartOfThePrompt) {
  const ProcessResult without = Pipe("Hello!\n/stats\n");
  const ProcessResult with =
      Pipe("/system\nHello!\n/stats\n", {"--temp", "0", "--system", "Be brief."});
  EXPECT_THAT(with.err, HasSubstr("[system: Be brief.]"));
  ASSERT_EQ(PromptStats(without.err).size(), 1u);
  ASSERT_EQ(PromptStats(with.err).size(), 1u);
  EXPECT_GT(PromptStats(with.err)[0][0], PromptStats(without.err)[0][0]);
}

TEST(ChatCommand, DumbTerminalGetsNoEscapeCodes) {
  ChatTerminal chat({"--temp", "0", "--think"}, {{"TERM", "dumb"}});
  ASSERT_TRUE(chat.WaitFor("> "));
  EXPECT_TRUE(chat.Send("What is a violin?", "</think>")) << chat.output();
  chat.Type("\x04");  // Ctrl-D
  EXPECT_EQ(chat.AwaitExit(), 0);
  EXPECT_THAT(chat.output(), Not(HasSubstr("\x1b")));
}

TEST(ChatCommand, PipeGetsAnswersAndNothingElse) {
  const ProcessResult result = Pipe("What is a violin?\n/stats\nHello!\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, std::string(kViolin) + "\n" + kHello + "\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr("greedy"), HasSubstr("turns: 1"), Not(HasSubstr("> ")),
                                Not(HasSubstr("\x1b"))));
}

TEST(ChatCommand, EachTurnComputesOnlyWhatIsNew) {
  const ProcessResult result =
      Pipe("What is a violin?\n/stats\nHello!\n/stats\n/undo\nHello!\n/stats\n/retry\n/stats\n");
  const auto stats = PromptStats(result.err);
  ASSERT_EQ(stats.size(), 4u) << result.err;
  EXPECT_EQ(stats[0], (std::array{17, 0, 17}));
  // The 17 tokens of the first prompt and the 23 of its answer are held.
  EXPECT_EQ(stats[1][1], 40);
  EXPECT_EQ(stats[1][1] + stats[1][2], stats[1][0]);
  EXPECT_LT(stats[1][2], 17);
  // Asked again, nothing but the beginning of the answer is computed: the last token gives the
  // logits.
  EXPECT_GE(stats[2][1], stats[1][0] - 4);
  EXPECT_GE(stats[3][1], stats[1][0] - 4);
}

// The window has long left the end of the prompt; a place to come back to was marked there.
TEST(ChatCommand, ALongAnswerCanBeRetriedWithoutComputingThePromptAgain) {
  const ProcessResult result = Pipe("Tell me a story.\n/stats\n/retry\n/stats\n",
                                    {"--temp", "0", "--min-tokens", "300", "-n", "300"});
  const auto stats = PromptStats(result.err);
  ASSERT_EQ(stats.size(), 2u) << result.err;
  EXPECT_GE(stats[1][1], stats[0][0] - 4);
}

// At this temperature the model spells words with tokens that encoding them again would not give.
TEST(ChatCommand, TheTokensOfAnAnswerAreHeldAsTheyWerePicked) {
  for (const char* seed : {"7", "8"}) {
    const ProcessResult result = Pipe("Tell me a story.\n/stats\nGo on.\n/stats\n",
                                      {"--temp", "3", "--top-k", "0", "--top-p", "1", "--min-p",
                                       "0", "--seed", seed, "-n", "12"});
    const auto stats = PromptStats(result.err);
    ASSERT_EQ(stats.size(), 2u) << result.err;
    EXPECT_EQ(stats[1][1], stats[0][0] + 11);  // nothing was computed of the last one yet
  }
}

TEST(ChatCommand, RetryDrawsOtherNumbersAndUndoForgets) {
  const ProcessResult result = Pipe(
      "Tell me a story.\n/retry\n/save /dev/null/x\n/undo\n/undo\n/retry\n",
      {"--temp", "3", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--seed", "7", "-n", "12"});
  const size_t half = result.out.size() / 2;
  EXPECT_NE(result.out.substr(0, 20), result.out.substr(half, 20));
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("/dev/null/x"), HasSubstr("turns: 0"),
                    HasSubstr("there is no turn yet"), HasSubstr("there is no answer yet")));
}

TEST(ChatCommand, MessagesMayHaveSeveralLines) {
  const TemporaryFolder folder;
  Pipe("a\\\nb\n\"\"\"c\nd\\\n\ne\"\"\"\n//f\n/save " + folder / "saved" + "\n",
       {"--temp", "0", "-n", "1"});
  const Json messages = LoadJson(folder / "saved")["messages"];
  ASSERT_EQ(messages.size(), 6u);
  EXPECT_EQ(messages[0]["content"], "a\nb");
  EXPECT_EQ(messages[2]["content"], "c\nd\\\n\ne");
  EXPECT_EQ(messages[4]["content"], "/f");
}

TEST(ChatCommand, ConversationsAreSavedAndLoaded) {
  const TemporaryFolder folder;
  const std::string path = folder / "saved.json";
  Pipe("/system Be brief.\nWhat is a violin?\n/save " + path + "\n");
  const Json messages = LoadJson(path)["messages"];
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0], Json({{"role", "system"}, {"content", "Be brief."}}));
  EXPECT_EQ(messages[1], Json({{"role", "user"}, {"content", "What is a violin?"}}));
  EXPECT_EQ(messages[2]["role"], "assistant");
  const std::string again = folder / "again.json";
  const ProcessResult result =
      Pipe("/load " + path + "\nHello!\n/undo\n/save " + again + "\n/clear\n/system\n/stats\n");
  EXPECT_EQ(LoadJson(again)["messages"], messages);
  EXPECT_THAT(result.err, AllOf(HasSubstr("loaded, turns: 1"), HasSubstr("system: Be brief."),
                                HasSubstr("turns: 0")));
}

TEST(ChatCommand, WhatIsNoConversationIsNotLoaded) {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "expected an object"},
      {"{\"messages\": [], \"x\": 1}", "nothing else"},
      {R"({"messages": [{"role": "user", "content": "a"}]})", "expected an answer"},
      {R"({"messages": [{"role": "tool", "content": "a"}]})", "message 1: role: expected user"},
      {R"({"messages": [{"role": "user", "content": 1}]})", "message 1: content: expected a text"},
      {R"({"messages": [{"role": "user"}]})", "expected the member content"},
      {R"({"messages": [{"role": "user", "content": "a", "x": "b"}]})", "unknown member \"x\""},
      {R"({"messages": ["a"]})", "message 1: expected an object"},
      {R"({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "a"}]})",
       "message 2: role: expected assistant"},
      {"{", "not valid JSON"},
  };
  for (const auto& [text, message] : cases) {
    std::ofstream(folder / "bad.json") << text;
    const ProcessResult result = Pipe("Hello!\n/load " + folder / "bad.json" + "\n/stats\n");
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, AllOf(HasSubstr(message), HasSubstr("turns: 1"))) << text;
  }
}

TEST(ChatCommand, SettingsChangeBetweenAnswers) {
  const ProcessResult result = Pipe(
      "/set temperature 0\n/set max_tokens 1\nWhat is a violin?\n/set top_p 2\n/set nothing 1\n"
      "/set stop lin\n/set max-tokens 100\nWhat is a violin?\n/set think off\n/set think x\n/set\n",
      {"--temp", "5"});
  EXPECT_EQ(result.out, "Vi\nVio\n");
  EXPECT_THAT(result.err, AllOf(HasSubstr("temperature 5"), HasSubstr("greedy: temperature 0"),
                                HasSubstr("--top-p: expected a number from 0 to 1, found \"2\""),
                                HasSubstr("/set: expected one of think, max-tokens, stop, "),
                                HasSubstr(", seed, "), HasSubstr("found \"nothing\""),
                                HasSubstr("expected on or off")));
}

// Fills `folder` with Pico and another chat template.
void LinkPicoWithTemplate(const TemporaryFolder& folder, const std::string& text) {
  for (const auto& entry : std::filesystem::directory_iterator(PicoFolder())) {
    std::filesystem::create_symlink(entry.path(), folder / entry.path().filename().string());
  }
  std::filesystem::remove(folder / "chat_template.jinja");
  std::ofstream(folder / "chat_template.jinja") << text;
}

TEST(ChatCommand, ErrorsOfATurnTakeItsMessageBack) {
  const TemporaryFolder folder;
  LinkPicoWithTemplate(
      folder,
      "{% for m in messages if 'bad' in m.content %}{{ raise_exception('No bad words') }}"
      "{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}");
  const ProcessResult result =
      Pipe("bad\n/stats\na\n/stats\n/help\n/nothing\n", {folder.path(), "-n", "1", "--temp", "0"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("No bad words"), HasSubstr("turns: 0"), HasSubstr("turns: 1"),
                    HasSubstr("/retry"), HasSubstr("there is no command /nothing")));
  EXPECT_THAT(result.out, Not(StartsWith("\n")));
  const ProcessResult full = Pipe("What is a violin?\n", {"-c", "10"});
  EXPECT_THAT(full.err, HasSubstr("the conversation has 17 tokens: expected at most 10"));
}

TEST(ChatCommand, ARetryThatFailsLeavesTheAnswer) {
  const TemporaryFolder folder;
  const std::string words(9000, 'z');
  const ProcessResult result = Pipe("What is a violin?\n/save " + folder / "a" + "\n/system " +
                                    words + "\n/retry\n/system -\n/save " + folder / "b" + "\n");
  EXPECT_THAT(result.err, HasSubstr("expected at most 4096, the context"));
  EXPECT_EQ(LoadJson(folder / "b"), LoadJson(folder / "a"));
  EXPECT_EQ(LoadJson(folder / "a")["messages"].size(), 2u);
}

TEST(ChatCommand, AMessageThatFailedIsSentAgainByRetryUntilTheConversationIsAnother) {
  const std::string words(9000, 'z');
  const std::string fails = "/system " + words + "\nHello!\n/system -\n";
  EXPECT_EQ(Pipe(fails + "/retry\n").out, std::string(kHello) + "\n");
  EXPECT_THAT(Pipe(fails + "/undo\n/retry\n").err, HasSubstr("there is no answer yet"));
  EXPECT_THAT(Pipe(fails + "/clear\n/retry\n").err, HasSubstr("there is no answer yet"));
}

TEST(ChatCommand, OutputThatCannotBeWrittenEndsIt) {
  const ProcessResult result =
      RunTrinity({"chat", "--temp", "0"}, {.input = "a\nb\n", .output_path = "/dev/full"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err.find("No space left"), result.err.rfind("No space left")) << result.err;
}

TEST(ChatCommand, SettingsAreShownAndTakenBack) {
  const ProcessResult result = Pipe(
      "/set stop lin\n/set max_tokens 3\n/set think off\n/set temp 0.5\n/set stop\n"
      "/set max_tokens\n/set think\n/set temperature\n",
      {"--temp", "0", "-n", "9"});
  EXPECT_THAT(result.err, HasSubstr("[greedy: temperature 0 (flag: temperature); max_tokens 3; "
                                    "stop \"lin\"]"));
  EXPECT_THAT(result.err, HasSubstr("; max_tokens 3; stop \"lin\"; think off]"));
  EXPECT_THAT(result.err, HasSubstr("temperature 0.5"));
  EXPECT_THAT(result.err, EndsWith("[greedy: temperature 0 (flag: temperature); max_tokens 9]\n"));
}

TEST(ChatCommand, TellsWhichLimitCutAnAnswer) {
  EXPECT_THAT(Pipe("Hello!\n", {"--temp", "0", "-n", "4"}).err,
              HasSubstr("[cut after 4 tokens, the max_tokens]"));
  EXPECT_THAT(Pipe("Hello!\n", {"--temp", "0", "-c", "16"}).err,
              HasSubstr("[cut: the context has no room for more tokens]"));
}

TEST(ChatCommand, RunCanGoOnInteractively) {
  const ProcessResult result = RunTrinity(
      {"run", "--interactive", "-p", "What is a violin?", "--temp", "0"}, {.input = "Hello!\n"});
  EXPECT_EQ(result.out, std::string(kViolin) + "\n" + kHello + "\n");
  EXPECT_EQ(RunTrinity({"run", "-i", "--json", "-p", "a"}).exit_code, 2);
}

TEST(ChatCommand, ModelsThatWereNotMadeForChatAreRefused) {
  EXPECT_EQ(RunTrinity({"chat", TestData("goldens/base")}).exit_code, 1);
}

}  // namespace
}  // namespace trinity

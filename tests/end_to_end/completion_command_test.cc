#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/end_to_end/command_flags.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

// `trinity completion`: scripts that the shells take, with every flag of every command, and that
// really complete.

namespace trinity {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

std::string Script(const std::string& shell) {
  const ProcessResult result = RunTrinity({"completion", shell});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

// What bash would offer for the last of `words`.
std::vector<std::string> BashOffers(const std::vector<std::string>& words,
                                    const std::string& folder = "/") {
  const TemporaryFolder scratch;
  std::ofstream(scratch / "trinity.bash") << Script("bash");
  std::vector<std::string> arguments = {
      "-c",
      "cd \"$1\" || exit 9; source \"$2\" || exit 8; shift 2; COMP_WORDS=(trinity \"$@\"); "
      "COMP_CWORD=$#; _trinity || exit 7; printf '%s\\n' \"${COMPREPLY[@]}\"",
      "bash", folder, scratch / "trinity.bash"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const ProcessResult result = RunProcess("/bin/bash", arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  std::vector<std::string> offers = LinesOf(result.out);
  if (offers == std::vector<std::string>{""}) offers.clear();
  return offers;
}

// What becomes in zsh of a command line when Tab is pressed at its end: an interactive shell in a
// terminal of another one, which writes the line between angle brackets at the key that follows.
std::string ZshCompletion(const std::string& line) {
  const TemporaryFolder folder;
  std::ofstream(folder / "trinity.zsh") << Script("zsh");
  std::ofstream(folder / ".zshrc") << R"(
PROMPT= RPROMPT=
unsetopt zle_bracketed_paste prompt_sp
autoload -Uz compinit
compinit -u -D
source $ZDOTDIR/trinity.zsh
show() { print -r -- "<$BUFFER>" >$ZDOTDIR/shown; exit }
zle -N show
bindkey '^X' show
bindkey '^I' complete-word
)";
  const std::string drive = R"(
zmodload zsh/zpty
export ZDOTDIR=$1 TERM=dumb
zpty shell zsh -d -i
zpty -w -n shell "$2"$'\t\x18'
while zpty -r shell text; do :; done
cat $1/shown)";
  const ProcessResult result =
      RunProcess("/usr/bin/env", {"zsh", "-f", "-c", drive, "zsh", folder.path(), line});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const size_t begin = result.out.find('<') + 1;
  return result.out.substr(begin, result.out.rfind('>') - begin);
}

TEST(Completion, BashAndZshTakeTheScripts) {
  for (const std::string shell : {"bash", "zsh"}) {
    const ProcessResult result =
        RunProcess("/usr/bin/env", {shell, "-n"}, {.input = Script(shell)});
    EXPECT_EQ(result.exit_code, 0) << shell << ": " << result.err;
    EXPECT_EQ(result.err, "");
  }
}

TEST(Completion, BashOffersEveryFlagOfEveryCommand) {
  for (const std::string& command : CommandsInHelp()) {
    const std::vector<std::string> flags = FlagsInHelp(command);
    EXPECT_FALSE(flags.empty());
    EXPECT_THAT(BashOffers({command, "-"}), testing::UnorderedElementsAreArray(flags)) << command;
  }
}

TEST(Completion, ZshScriptHasEveryFlagOfEveryCommand) {
  const std::string script = Script("zsh");
  for (const std::string& command : CommandsInHelp()) {
    const size_t begin = script.find("\n    " + command + ")\n");
    ASSERT_NE(begin, script.npos) << command;
    const std::string section = script.substr(begin, script.find(";;", begin) - begin);
    for (const std::string& flag : FlagsInHelp(command)) {
      const auto has = [&](const char* before, const char* after) {
        return section.find(before + flag + after) != section.npos;
      };
      EXPECT_TRUE(has(")", "[") || has(")", "=[") || has("*", "[") || has("*", "=["))
          << command << " " << flag;
    }
  }
}

TEST(Completion, BashOffersCommandsFirst) {
  std::vector<std::string> commands = CommandsInHelp();
  EXPECT_THAT(BashOffers({""}), IsSupersetOf(commands));
  EXPECT_THAT(BashOffers({"to"}), ElementsAre("tokenize"));
  EXPECT_THAT(BashOffers({"--v"}), ElementsAre("--version"));
  EXPECT_THAT(BashOffers({"sing", "--"}), IsEmpty());
}

TEST(Completion, BashOffersTheValuesOfAChoice) {
  EXPECT_THAT(BashOffers({"synth", "--dtype", ""}), ElementsAre("bf16", "f32"));
  EXPECT_THAT(BashOffers({"synth", "--dtype", "b"}), ElementsAre("bf16"));
  EXPECT_THAT(BashOffers({"synth", "--dtype", "=", "b"}), ElementsAre("bf16"));
  EXPECT_THAT(BashOffers({"synth", "--dtype", "="}), ElementsAre("bf16", "f32"));
  EXPECT_THAT(BashOffers({"completion", ""}), ElementsAre("bash", "zsh"));
}

TEST(Completion, BashOffersNoFilesAmongTheValuesOfAChoice) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(BashOffers({"run", "--counted-tokens", ""}, folder.path()),
              ElementsAre("output", "all"));
  EXPECT_THAT(BashOffers({"run", "--weights", ""}, folder.path()), Not(Contains("file")));
  EXPECT_THAT(BashOffers({"run", ""}, folder.path()), ElementsAre("file"));
}

TEST(Completion, ZshCompletesUniqueNamesAndValues) {
  EXPECT_EQ(ZshCompletion("trinity toke"), "trinity tokenize ");
  EXPECT_EQ(ZshCompletion("trinity run --tempera"), "trinity run --temperature=");
  EXPECT_EQ(ZshCompletion("trinity run --interac"), "trinity run --interactive ");
  EXPECT_EQ(ZshCompletion("trinity synth --dtype b"), "trinity synth --dtype bf16 ");
  EXPECT_EQ(ZshCompletion("trinity synth --dtype=b"), "trinity synth --dtype=bf16 ");
}

TEST(Completion, ZshOffersFlagsOnceUnlessTheyMayComeAgain) {
  const std::string once = "trinity run --temperature 1 --temperat";
  EXPECT_EQ(ZshCompletion(once), once);
  EXPECT_EQ(ZshCompletion("trinity run --sto"), "trinity run --stop=");
  EXPECT_EQ(ZshCompletion("trinity run --stop a --sto"), "trinity run --stop a --stop=");
}

TEST(Completion, BashOffersFilesWhereThereIsAPath) {
  const TemporaryFolder folder;
  std::ofstream(folder / "two words.txt") << "x";
  EXPECT_THAT(BashOffers({"run", "--file", ""}, folder.path()), ElementsAre("two words.txt"));
  EXPECT_THAT(BashOffers({"run", "tw"}, folder.path()), ElementsAre("two words.txt"));
  EXPECT_THAT(BashOffers({"run", "-n", ""}, folder.path()), IsEmpty());
  EXPECT_THAT(BashOffers({"run", "--"}, folder.path()), Not(Contains("two words.txt")));
}

TEST(Completion, AnotherShellIsRefused) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"completion"}, {"completion", "fish"}}) {
    const ProcessResult result = RunTrinity(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, HasSubstr("bash"));
  }
}

}  // namespace
}  // namespace trinity

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/end_to_end/command_flags.h"
#include "tests/end_to_end/run_trinity.h"

// `trinity man`: a page that groff sets without a warning, with all that the help says.

namespace trinity {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The page as a wide terminal without colours shows it.
std::string RenderedPage() {
  const ProcessResult page = RunTrinity({"man"});
  EXPECT_EQ(page.exit_code, 0) << page.err;
  EXPECT_THAT(page.out, StartsWith(".TH TRINITY 1 "));
  const ProcessResult rendered =
      RunProcess("/usr/bin/env", {"groff", "-man", "-Tascii", "-ww", "-rLL=400n", "-P-cbou"},
                 {.input = page.out});
  EXPECT_EQ(rendered.exit_code, 0);
  EXPECT_EQ(rendered.err, "") << "warnings of groff";
  return rendered.out;
}

TEST(Man, PageRendersWithoutWarningsAndHasItsSections) {
  const std::string page = RenderedPage();
  for (const char* section :
       {"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "ENVIRONMENT", "EXIT STATUS"}) {
    EXPECT_THAT(page, HasSubstr("\n" + std::string(section) + "\n"));
  }
  EXPECT_THAT(page, HasSubstr("TRINITY_MODEL"));
  EXPECT_THAT(page, HasSubstr("trinity run -p \"What is a violin?\""));
}

TEST(Man, PageHasEveryFlagOfEveryCommand) {
  const std::string page = RenderedPage();
  for (const std::string& command : CommandsInHelp()) {
    const size_t begin = page.find("\n   trinity " + command + "\n");
    ASSERT_NE(begin, page.npos) << command;
    const std::string section = page.substr(begin, page.find("\n   trinity ", begin + 1) - begin);
    for (const std::string& flag : FlagsInHelp(command)) {
      EXPECT_TRUE(section.find(" " + flag + ",") != section.npos ||
                  section.find(" " + flag + " ") != section.npos ||
                  section.find(" " + flag + "\n") != section.npos)
          << command << " " << flag;
    }
  }
}

}  // namespace
}  // namespace trinity

#include "cli/chat_command.h"

#include "cli/answer_flags.h"
#include "cli/chat_loop.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Type a message and press Enter; /help shows the commands. A line that ends with a backslash
goes on in the next one; """ begins and ends a message of several lines. Ctrl-C stops an answer,
Ctrl-D or /quit ends. Each turn computes only what is new. Answers go to stdout, everything else to
stderr.

Examples:
  trinity chat
  trinity chat /path/to/Trinity-Mini --system "Answer in one sentence." --no-think
)";

}  // namespace

int ChatCommand(CommandArguments arguments) {
  AnswerFlags flags;
  CommandLine line("trinity chat", "Talks with a model in the terminal", kFooter);
  line.AddPositional("MODEL", flags.model.positional, kModelHelp);
  flags.AddTo(line);
  if (line.Parse(arguments) == ParseOutcome::kHelpShown) return 0;
  return ChatLoop(flags, {});
}

}  // namespace trinity

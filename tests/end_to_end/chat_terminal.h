#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/end_to_end/run_trinity.h"
#include "tests/support/pseudo_terminal.h"

namespace trinity {

// The chat at a terminal, with editing unless the environment says that it is dumb.
struct ChatTerminal : PseudoTerminal {
  using Environment = std::vector<std::pair<std::string, std::string>>;
  explicit ChatTerminal(std::vector<std::string> flags,
                        const Environment& environment = {{"TERM", "xterm"}, {"LC_ALL", "C"}})
      : PseudoTerminal(TRINITY_BINARY, WithChat(std::move(flags)), environment) {}

  static std::vector<std::string> WithChat(std::vector<std::string> flags) {
    flags.insert(flags.begin(), "chat");
    return flags;
  }
  bool Send(const std::string& line, const std::string& answer) {
    Type(line + "\r");
    return WaitFor(answer);
  }
  int Quit() {
    Type("/quit\r");
    return AwaitExit();
  }
};

}  // namespace trinity

#pragma once

#include <memory>
#include <string>

#include "base/cancel_token.h"

namespace trinity {

// Lines that a user types: with editing and history where stdin is a terminal that can do it, else
// as they come. Prompts go to stderr, and only where stdin is a terminal.
class LineEditor {
 public:
  LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;
  ~LineEditor();

  enum class Outcome { kLine, kInterrupted, kEnd };
  struct Result {
    Outcome outcome;
    std::string line;  // without its newline
  };

  // kInterrupted: `interrupt` was cancelled (by a signal) while typing; the line is gone. Throws as
  // ReadInputLine does.
  Result ReadLine(const std::string& prompt, const CancelToken& interrupt);

 private:
  class Terminal;
  std::unique_ptr<Terminal> terminal_;  // nullptr: no editing
};

// Whether escape codes may be written to this file descriptor: a terminal that is not dumb, and
// NO_COLOR is not set.
bool ShowsColours(int descriptor);

}  // namespace trinity

#pragma once

#include <optional>
#include <string>

#include "base/cancel_token.h"
#include "cli/command_line.h"

namespace trinity {

// Where the text of a command comes from: -p, -f or stdin.
struct PromptSource {
  std::optional<std::string> prompt;
  std::optional<std::string> file;

  void AddTo(CommandLine& line);

  bool is_given() const { return prompt || file; }

  // -p as it is; a file or stdin to its end, without one final newline. Throws UsageError where
  // both flags are used, or neither and stdin is a terminal.
  std::string Read() const;
};

// All of stdin. Throws Error beyond 64 MiB.
std::string ReadStandardInput();

// Waits a tenth of a second at most until stdin can be read. A signal that comes just before a read
// does not interrupt it: who heeds signals looks for them in between.
bool InputComesSoon();

// The next line of stdin without its newline, absent at the end and where `interrupt` is cancelled
// by a signal while it waits: what has come of the line is gone then. Throws Error where a line has
// more than 64 MiB.
std::optional<std::string> ReadInputLine(const CancelToken& interrupt = CancelToken());

// The file's content, for files that may also be pipes: -f <(command). Throws Error beyond 64 MiB.
std::string ReadTextStream(const std::string& path);

}  // namespace trinity

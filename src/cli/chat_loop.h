#pragma once

#include <optional>
#include <string>

#include "cli/answer_flags.h"

namespace trinity {

// Answers the lines that a user types, and `first` before them, until /quit or their end. Answers
// go to stdout, everything else to stderr. Returns the exit code.
int ChatLoop(const AnswerFlags& flags, const std::optional<std::string>& first);

}  // namespace trinity

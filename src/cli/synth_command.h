#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity synth: see its --help. Returns the exit code; throws Error.
int SynthCommand(CommandArguments arguments);

}  // namespace trinity

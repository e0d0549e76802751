#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity doctor: see its --help. Returns the exit code; throws Error.
int DoctorCommand(CommandArguments arguments);

}  // namespace trinity

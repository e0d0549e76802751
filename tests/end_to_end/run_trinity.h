#pragma once

#include <string>
#include <vector>

#include "tests/support/process.h"

namespace trinity {

// Runs the program of this project.
inline ProcessResult RunTrinity(const std::vector<std::string>& arguments,
                                const ProcessOptions& options = {}) {
  return RunProcess(TRINITY_BINARY, arguments, options);
}

}  // namespace trinity

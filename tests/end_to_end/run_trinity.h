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

// A command through mpirun, as many processes as there are ranks on the cores that there are.
inline ProcessResult RunWithMpi(int num_ranks, std::vector<std::string> command) {
  command.insert(command.begin(),
                 {"--oversubscribe", "--bind-to", "none", "-n", std::to_string(num_ranks)});
  ProcessOptions options;
  options.environment.insert(options.environment.end(),
                             {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                              {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                              // The sanitizer would report what MPI itself keeps.
                              {"ASAN_OPTIONS", "detect_leaks=0"}});
  return RunProcess("/usr/bin/mpirun", command, options);
}

}  // namespace trinity

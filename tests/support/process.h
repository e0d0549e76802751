#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace trinity {

// How a program is run.
struct ProcessOptions {
  std::string input = {};                  // its stdin; empty: /dev/null
  std::optional<std::string> output_path;  // its stdout goes into this file; absent: a pipe
  std::vector<int> closed = {};            // descriptors that are closed when it starts
  std::vector<std::pair<std::string, std::string>> environment = {};  // beside what there is
  // The reader goes away after so many bytes of stdout; absent: it reads to the end.
  std::optional<size_t> close_output_after;
  // SIGINT is sent once so many bytes of stdout have come.
  std::optional<size_t> interrupt_after;
  std::chrono::seconds timeout{120};
};

struct ProcessResult {
  int exit_code = -1;  // -1 where a signal ended it
  int signal = 0;      // that ended it, SIGKILL after the timeout; 0: none
  bool timed_out = false;
  std::string out;
  std::string err;
};

// Runs a program with its arguments to its end.
ProcessResult RunProcess(const std::string& program, const std::vector<std::string>& arguments,
                         const ProcessOptions& options = {});

}  // namespace trinity

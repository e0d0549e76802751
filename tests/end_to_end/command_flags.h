#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "tests/end_to_end/run_trinity.h"

namespace trinity {

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The commands that `trinity --help` lists.
inline std::vector<std::string> CommandsInHelp() {
  std::vector<std::string> commands;
  bool listed = false;
  for (const std::string& line : LinesOf(RunTrinity({"--help"}).out)) {
    if (line == "Commands:") listed = true;
    if (line.empty() && !commands.empty()) break;
    if (listed && line.starts_with("  ")) commands.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return commands;
}

// The names of flags that `trinity COMMAND --help` lists: "-h", "--help" and so on.
inline std::vector<std::string> FlagsInHelp(const std::string& command) {
  std::vector<std::string> flags;
  for (const std::string& line : LinesOf(RunTrinity({command, "--help"}).out)) {
    if (!line.starts_with("  -")) continue;
    std::istringstream names(line.substr(2, line.find(' ', 2) - 2));
    for (std::string name; std::getline(names, name, ',');) flags.push_back(name);
  }
  return flags;
}

}  // namespace trinity

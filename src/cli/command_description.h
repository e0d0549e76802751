#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// A flag or a positional argument of a command, as the command declares it.
struct ArgumentDescription {
  std::vector<std::string> names;    // "-n", "--max-tokens"; of a positional "MODEL"
  std::string placeholder;           // of its value: "FILE", "N"; empty: it has none
  std::vector<std::string> choices;  // the values that it takes, where they are few
  std::string help;
  bool may_repeat = false;  // each time with another value

  bool IsPositional() const { return !names.empty() && !names[0].starts_with('-'); }
  bool TakesValue() const { return !placeholder.empty() || !choices.empty(); }
  // Whether the value is the path of a file or a folder.
  bool TakesPath() const;
};

// What `trinity NAME --help` is made of.
struct CommandDescription {
  std::string name;     // "run"
  std::string purpose;  // one line
  std::vector<ArgumentDescription> arguments;
  std::string footer;  // examples and the like
};

// A name and what it stands for, in a list of help.
struct HelpEntry {
  std::string_view name;
  std::string_view text;
};

// What `trinity --help` is made of.
struct ProgramDescription {
  std::string purpose;
  std::vector<CommandDescription> commands;  // in the order in which they are shown
  std::vector<HelpEntry> options;            // names separated by commas
  std::vector<HelpEntry> environment;
  std::string exit_codes;
};

}  // namespace trinity

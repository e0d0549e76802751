#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_description.h"

namespace trinity {

// What a command is given after its name.
using CommandArguments = std::span<const char* const>;

// Whether a command line asks for work, or was answered by its help.
enum class ParseOutcome { kRun, kHelpShown };

// The flags and positional arguments of one command, declared once with their help. A flag's
// `names` are given as "-n,--max-tokens,--n-predict"; a positional's as "MODEL". What is not given
// leaves its value untouched. The only user of the command line library.
class CommandLine {
 public:
  // `name` as it is called ("trinity run"), one line of purpose, and what stands below the flags in
  // the help: examples and exit codes.
  CommandLine(const std::string& name, const std::string& purpose, const std::string& footer);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  void AddText(const std::string& names, std::optional<std::string>& value,
               const std::string& placeholder, const std::string& help);
  // May be given several times.
  void AddTexts(const std::string& names, std::vector<std::string>& values,
                const std::string& placeholder, const std::string& help);
  void AddFlag(const std::string& names, bool& value, const std::string& help);
  // One of `choices`.
  void AddChoice(const std::string& names, std::string& value,
                 const std::vector<std::string>& choices, const std::string& help);

  // A number within its bounds.
  struct Integers {
    int64_t lowest = 0;
    int64_t highest = std::numeric_limits<int64_t>::max();
  };
  void AddInteger(const std::string& names, std::optional<int64_t>& value, Integers bounds,
                  const std::string& help);
  // Several of them, separated by commas.
  void AddIntegers(const std::string& names, std::vector<int64_t>& values, Integers bounds,
                   const std::string& help);
  struct Numbers {
    double lowest;
    double highest;
  };
  void AddNumber(const std::string& names, std::optional<double>& value, Numbers bounds,
                 const std::string& help);
  // Any 64-bit unsigned integer.
  void AddSeed(const std::string& names, std::optional<uint64_t>& value, const std::string& help);

  void AddPositional(const std::string& name, std::optional<std::string>& value,
                     const std::string& help);
  // One of `choices`.
  void AddPositional(const std::string& name, std::optional<std::string>& value,
                     const std::string& help, const std::vector<std::string>& choices);

  // The first long name, without its dashes, of the flag that has the name "--stop", say; absent
  // where none has. --help does not count.
  std::optional<std::string> MainNameOf(std::string_view name) const;
  // That of each of them.
  std::vector<std::string> FlagNames() const;

  // Fills the values, or writes the help to stdout. Throws UsageError.
  ParseOutcome Parse(CommandArguments arguments);

  // What `run`, which reads its arguments by a CommandLine, declares. It is called, and gets no
  // further than to Parse, which answers as if the help had been shown.
  static CommandDescription Describe(int (*run)(CommandArguments arguments));

 private:
  struct Parts;

  // A flag with one value that `take` converts; its first argument is the flag's long name.
  using Take = std::function<void(const std::string& flag, const std::string& text)>;
  void AddValue(const std::string& names, const std::string& placeholder, const std::string& help,
                Take take);
  void Record(const std::string& names, const std::string& placeholder, const std::string& help);

  std::unique_ptr<Parts> parts_;
};

}  // namespace trinity

#include "cli/completion_command.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/standard_output.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Examples:
  source <(trinity completion bash)
  trinity completion bash > ~/.local/share/bash-completion/completions/trinity
  trinity completion zsh > ~/.zfunc/_trinity        (a folder of $fpath)
)";

// The words with which a command line may begin.
std::vector<std::string> FirstWords(const ProgramDescription& program) {
  std::vector<std::string> words;
  for (const CommandDescription& command : program.commands) words.push_back(command.name);
  for (const HelpEntry& option : program.options) {
    const std::string names(option.name);
    words.push_back(names.substr(names.rfind(',') + 1));
  }
  return words;
}

// One alternative of the case over "COMMAND FLAG": what may follow a flag that takes a value.
std::string BashValueCase(const CommandDescription& command, const ArgumentDescription& argument) {
  std::vector<std::string> patterns;
  for (const std::string& name : argument.names) {
    patterns.push_back(fmt::format("'{} {}'", command.name, name));
  }
  std::string action = "return";  // anything: a number, a text
  if (!argument.choices.empty()) {
    action = fmt::format("words='{}' files=", fmt::join(argument.choices, " "));
  } else if (argument.TakesPath()) {
    action = "words= files=yes";
  }
  return fmt::format("    {}) {} ;;\n", fmt::join(patterns, " | "), action);
}

// One alternative of the case over "COMMAND": its flags and what stands without a flag.
std::string BashCommandCase(const CommandDescription& command) {
  std::vector<std::string> flags;
  std::vector<std::string> choices;
  bool takes_path = false;
  for (const ArgumentDescription& argument : command.arguments) {
    if (argument.IsPositional()) {
      takes_path = takes_path || argument.TakesPath();
      choices.insert(choices.end(), argument.choices.begin(), argument.choices.end());
    } else {
      flags.insert(flags.end(), argument.names.begin(), argument.names.end());
    }
  }
  return fmt::format("    {}) flags='{}' words='{}' files={} ;;\n", command.name,
                     fmt::join(flags, " "), fmt::join(choices, " "), takes_path ? "yes" : "");
}

std::string BashScript(const ProgramDescription& program) {
  std::string commands, values;
  for (const CommandDescription& command : program.commands) {
    commands += BashCommandCase(command);
    for (const ArgumentDescription& argument : command.arguments) {
      if (!argument.IsPositional() && argument.TakesValue()) {
        values += BashValueCase(command, argument);
      }
    }
  }
  return fmt::format(R"(# Completes trinity in bash. Made by: trinity completion bash
_trinity() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  local command=${{COMP_WORDS[1]}} flags= words= files=
  COMPREPLY=()
  # bash takes "--flag=value" apart at the "=".
  if [[ $current == = ]]; then
    current=
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '{}' -- "$current")
    return
  fi
  case $command in
{}    *) return ;;
  esac
  case "$command $before" in
{}    *) [[ $current != -* ]] || words=$flags files= ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [[ $files == yes ]]; then
    compopt -o filenames 2>/dev/null
    local -a paths
    mapfile -t paths < <(compgen -f -- "$current")
    COMPREPLY+=("${{paths[@]}}")
  fi
}}
complete -F _trinity trinity
)",
                     fmt::join(FirstWords(program), " "), commands, values);
}

// `text` within a specification of zsh's _arguments, which stands between single quotes.
std::string ZshText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

// What completes the value: "message:action".
std::string ZshAction(const ArgumentDescription& argument) {
  const std::string message =
      ZshText(argument.IsPositional() ? argument.names[0] : argument.placeholder);
  if (!argument.choices.empty()) {
    return fmt::format("{}:({})", message, fmt::join(argument.choices, " "));
  }
  return fmt::format("{}:{}", message, argument.TakesPath() ? "_files" : "");
}

std::string ZshArgument(const ArgumentDescription& argument) {
  if (argument.IsPositional()) return fmt::format("        '::{}'", ZshAction(argument));
  const std::string value = argument.TakesValue() ? ":" + ZshAction(argument) : "";
  const std::string help = ZshText(argument.help);
  // Each name rules out the others and itself, but where the flag may come again.
  const std::string again =
      argument.may_repeat ? "*" : fmt::format("({})", fmt::join(argument.names, " "));
  std::string lines;
  for (const std::string& name : argument.names) {
    // Values of long names may follow as a word of their own or after a "=".
    const bool takes_equals = argument.TakesValue() && name.starts_with("--");
    if (!lines.empty()) lines += " \\\n";
    lines +=
        fmt::format("        '{}{}{}[{}]{}'", again, name, takes_equals ? "=" : "", help, value);
  }
  return lines;
}

std::string ZshScript(const ProgramDescription& program) {
  std::string words, commands;
  for (const CommandDescription& command : program.commands) {
    words += fmt::format("    '{}:{}'\n", command.name, ZshText(command.purpose));
    std::vector<std::string> specifications;
    for (const ArgumentDescription& argument : command.arguments) {
      specifications.push_back(ZshArgument(argument));
    }
    commands += fmt::format("    {})\n      _arguments \\\n{}\n      ;;\n", command.name,
                            fmt::join(specifications, " \\\n"));
  }
  for (const HelpEntry& option : program.options) {
    const std::string names(option.name);
    words += fmt::format("    '{}:{}'\n", names.substr(names.rfind(',') + 1), ZshText(option.text));
  }
  return fmt::format(R"(#compdef trinity
# Completes trinity in zsh. Made by: trinity completion zsh
_trinity() {{
  local -a commands=(
{}  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
{}  esac
}}
if [[ $funcstack[1] == _trinity ]]; then
  _trinity "$@"
else
  compdef _trinity trinity
fi
)",
                     words, commands);
}

}  // namespace

int CompletionCommand(CommandArguments arguments, ProgramDescription (*describe)()) {
  CommandLine line("trinity completion",
                   "Prints what bash or zsh completes command lines of trinity with", kFooter);
  std::optional<std::string> shell;
  line.AddPositional("SHELL", shell, "bash or zsh", {"bash", "zsh"});
  if (line.Parse(arguments) == ParseOutcome::kHelpShown) return 0;
  if (!shell) throw UsageError("expected a shell, bash or zsh, found none");
  WriteOutput(*shell == "bash" ? BashScript(describe()) : ZshScript(describe()));
  return 0;
}

}  // namespace trinity

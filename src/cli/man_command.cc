#include "cli/man_command.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "cli/standard_output.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Examples:
  man -l <(trinity man)
  trinity man > /usr/local/share/man/man1/trinity.1
)";

// `text` so that roff prints it as it is. A leading period or quote would be a request.
std::string RoffText(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_start = c == '\n';
  }
  return out;
}

// Between quotes, as the argument of a request.
std::string RoffArgument(std::string_view text) {
  std::string out = RoffText(text);
  for (size_t at = 0; (at = out.find('"', at)) != out.npos; at += 4) out.replace(at, 1, "\\(dq");
  return '"' + out + '"';
}

std::string TaggedParagraph(const std::string& tag, std::string_view text) {
  return fmt::format(".TP\n{}\n{}\n", tag, RoffText(text));
}

std::string ArgumentParagraph(const ArgumentDescription& argument) {
  std::vector<std::string> names;
  for (const std::string& name : argument.names) names.push_back("\\fB" + RoffText(name) + "\\fR");
  std::string tag = fmt::format("{}", fmt::join(names, ", "));
  if (argument.IsPositional()) {
    tag = "\\fI" + RoffText(argument.names[0]) + "\\fR";
  } else if (argument.TakesValue()) {
    tag += " \\fI" + RoffText(argument.placeholder) + "\\fR";
  }
  return TaggedParagraph(tag, argument.help);
}

std::string CommandSection(const CommandDescription& command) {
  std::string positionals;
  for (const ArgumentDescription& argument : command.arguments) {
    if (argument.IsPositional()) positionals += " [\\fI" + RoffText(argument.names[0]) + "\\fR]";
  }
  const std::string name = RoffText(command.name);
  std::string text = fmt::format(".SS {}\n\\fBtrinity {}\\fR [\\fIOPTIONS\\fR]{}\n.PP\n{}.\n",
                                 RoffArgument("trinity " + command.name), name, positionals,
                                 RoffText(command.purpose));
  for (const ArgumentDescription& argument : command.arguments) text += ArgumentParagraph(argument);
  return text + fmt::format(".PP\n.nf\n{}.fi\n", RoffText(command.footer));
}

std::string ManualPage(const ProgramDescription& program) {
  std::string text = fmt::format(
      ".TH TRINITY 1 \"\" {} \"User Commands\"\n.SH NAME\ntrinity \\- {}\n"
      ".SH SYNOPSIS\n\\fBtrinity\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n{}.\n.SH OPTIONS\n",
      RoffArgument("trinity " TRINITY_VERSION), RoffText(program.purpose),
      RoffText(program.purpose));
  for (const HelpEntry& option : program.options) {
    text += TaggedParagraph("\\fB" + RoffText(option.name) + "\\fR", option.text);
  }
  text += ".SH COMMANDS\n";
  for (const CommandDescription& command : program.commands) text += CommandSection(command);
  text += ".SH ENVIRONMENT\n";
  for (const HelpEntry& variable : program.environment) {
    text += TaggedParagraph("\\fB" + RoffText(variable.name) + "\\fR", variable.text);
  }
  return text + fmt::format(".SH EXIT STATUS\n{}.\n", RoffText(program.exit_codes));
}

}  // namespace

int ManCommand(CommandArguments arguments, ProgramDescription (*describe)()) {
  CommandLine line("trinity man", "Prints the manual page of trinity, as roff", kFooter);
  if (line.Parse(arguments) == ParseOutcome::kHelpShown) return 0;
  WriteOutput(ManualPage(describe()));
  return 0;
}

}  // namespace trinity

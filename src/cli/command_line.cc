#include "cli/command_line.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "cli/flag_value.h"
#include "cli/standard_output.h"

namespace trinity {
namespace {

constexpr size_t kNameColumns = 34;

// "--max-tokens" of "-n,--max-tokens,--n-predict": how messages call a flag.
std::string LongName(const std::string& names) {
  const size_t start = names.find("--");
  if (start == std::string::npos) return names;
  return names.substr(start, names.find(',', start) - start);
}

// The first long name of a flag without its dashes; absent for --help and what is no flag.
std::optional<std::string> MainName(const ArgumentDescription& argument) {
  for (const std::string& name : argument.names) {
    if (name.starts_with("--") && name != "--help") return name.substr(2);
  }
  return std::nullopt;
}

constexpr const char* kHelpNames = "-h,--help";
constexpr const char* kHelpText = "Show this help and exit";

// Where Parse writes what the command declares; null where it parses.
CommandDescription* description_wanted = nullptr;

std::vector<std::string> SplitNames(const std::string& names) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= names.size();) {
    const size_t end = std::min(names.find(',', at), names.size());
    parts.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

const std::string& TakeChoice(const std::string& flag, const std::string& text,
                              const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    throw UsageError(fmt::format("{}: expected one of {}, found \"{}\"", flag,
                                 fmt::join(choices, ", "), Printable(text)));
  }
  return text;
}

// "--name=" as two arguments: the library would take it for a flag without its value.
void AppendArgument(const char* argument, std::vector<std::string>& out) {
  const std::string_view text = argument;
  if (text.starts_with("--") && text.ends_with('=') && text.find('=') == text.size() - 1) {
    out.emplace_back(text.substr(0, text.size() - 1));
    out.emplace_back();
  } else {
    out.emplace_back(text);
  }
}

// `help` in lines that fit beside the flags' names.
std::string Wrapped(const std::string& help) {
  constexpr size_t kHelpColumns = 100 - kNameColumns;
  std::string out;
  size_t column = 0;
  for (size_t at = 0; at < help.size();) {
    const size_t end = std::min(help.find(' ', at), help.size());
    const size_t length = end - at;
    if (column > 0 && column + 1 + length > kHelpColumns) {
      out += '\n';
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out.append(help, at, length);
    column += length;
    at = end + 1;
  }
  return out;
}

}  // namespace

struct CommandLine::Parts {
  CLI::App app;
  CommandDescription description;
  // What was given for a flag, until all of the command line has been read.
  struct Value {
    CLI::Option* option;
    std::string flag;
    std::string text;
    Take take;
  };
  std::deque<Value> values;  // the library keeps pointers to the texts
};

CommandLine::CommandLine(const std::string& name, const std::string& purpose,
                         const std::string& footer)
    : parts_(std::make_unique<Parts>()) {
  CLI::App& app = parts_->app;
  app.name(name);
  app.description(purpose);
  app.footer(footer);
  app.set_help_flag(kHelpNames, kHelpText);
  app.get_formatter()->column_width(kNameColumns);
  parts_->description = {name.substr(name.find(' ') + 1), purpose, {}, footer};
  Record(kHelpNames, "", kHelpText);
}

CommandLine::~CommandLine() = default;

void CommandLine::Record(const std::string& names, const std::string& placeholder,
                         const std::string& help) {
  parts_->description.arguments.push_back({SplitNames(names), placeholder, {}, help, false});
}

void CommandLine::AddValue(const std::string& names, const std::string& placeholder,
                           const std::string& help, Take take) {
  Parts::Value& value = parts_->values.emplace_back();
  value.flag = LongName(names);
  value.take = std::move(take);
  value.option = parts_->app.add_option(names, value.text, Wrapped(help));
  value.option->type_name(placeholder);
  Record(names, placeholder, help);
}

void CommandLine::AddText(const std::string& names, std::optional<std::string>& value,
                          const std::string& placeholder, const std::string& help) {
  AddValue(names, placeholder, help,
           [&value](const std::string&, const std::string& text) { value = text; });
}

void CommandLine::AddTexts(const std::string& names, std::vector<std::string>& values,
                           const std::string& placeholder, const std::string& help) {
  CLI::Option* option = parts_->app.add_option(names, values, Wrapped(help));
  option->type_name(placeholder)->expected(1)->allow_extra_args(false);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  Record(names, placeholder, help);
  parts_->description.arguments.back().may_repeat = true;
}

void CommandLine::AddFlag(const std::string& names, bool& value, const std::string& help) {
  parts_->app.add_flag(names, value, Wrapped(help));
  Record(names, "", help);
}

void CommandLine::AddChoice(const std::string& names, std::string& value,
                            const std::vector<std::string>& choices, const std::string& help) {
  AddValue(names, fmt::format("{}", fmt::join(choices, "|")), help,
           [&value, choices](const std::string& flag, const std::string& text) {
             value = TakeChoice(flag, text, choices);
           });
  parts_->description.arguments.back().choices = choices;
}

void CommandLine::AddInteger(const std::string& names, std::optional<int64_t>& value,
                             Integers bounds, const std::string& help) {
  AddValue(names, "N", help, [&value, bounds](const std::string& flag, const std::string& text) {
    value = ParseIntegerFlag(flag, text, bounds.lowest, bounds.highest);
  });
}

void CommandLine::AddIntegers(const std::string& names, std::vector<int64_t>& values,
                              Integers bounds, const std::string& help) {
  AddValue(names, "N,...", help,
           [&values, bounds](const std::string& flag, const std::string& text) {
             values = ParseIntegersFlag(flag, text, bounds.lowest, bounds.highest);
           });
}

void CommandLine::AddNumber(const std::string& names, std::optional<double>& value, Numbers bounds,
                            const std::string& help) {
  AddValue(names, "X", help, [&value, bounds](const std::string& flag, const std::string& text) {
    value = ParseNumberFlag(flag, text, bounds.lowest, bounds.highest);
  });
}

void CommandLine::AddSeed(const std::string& names, std::optional<uint64_t>& value,
                          const std::string& help) {
  AddValue(names, "N", help, [&value](const std::string& flag, const std::string& text) {
    value = ParseSeedFlag(flag, text);
  });
}

void CommandLine::AddPositional(const std::string& name, std::optional<std::string>& value,
                                const std::string& help) {
  AddText(name, value, "", help);
}

void CommandLine::AddPositional(const std::string& name, std::optional<std::string>& value,
                                const std::string& help, const std::vector<std::string>& choices) {
  AddValue(name, "", help, [&value, choices](const std::string& flag, const std::string& text) {
    value = TakeChoice(flag, text, choices);
  });
  parts_->description.arguments.back().choices = choices;
}

CommandDescription CommandLine::Describe(int (*run)(CommandArguments arguments)) {
  CommandDescription description;
  description_wanted = &description;
  run({});
  description_wanted = nullptr;
  return description;
}

std::optional<std::string> CommandLine::MainNameOf(std::string_view name) const {
  for (const ArgumentDescription& argument : parts_->description.arguments) {
    if (std::count(argument.names.begin(), argument.names.end(), name) > 0) {
      return MainName(argument);
    }
  }
  return std::nullopt;
}

std::vector<std::string> CommandLine::FlagNames() const {
  std::vector<std::string> main_names;
  for (const ArgumentDescription& argument : parts_->description.arguments) {
    if (const std::optional<std::string> name = MainName(argument)) main_names.push_back(*name);
  }
  return main_names;
}

ParseOutcome CommandLine::Parse(CommandArguments arguments) {
  if (description_wanted != nullptr) {
    *description_wanted = parts_->description;
    return ParseOutcome::kHelpShown;
  }
  std::vector<std::string> texts;
  for (const char* argument : arguments) AppendArgument(argument, texts);
  std::reverse(texts.begin(), texts.end());  // as the library wants them
  try {
    parts_->app.parse(std::move(texts));
  } catch (const CLI::CallForHelp&) {
    WriteOutput(parts_->app.help());
    return ParseOutcome::kHelpShown;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string message = error.what();  // begins with the flag
    throw UsageError(fmt::format("{}: expected exactly one value (see {} --help)",
                                 message.substr(0, message.find(':')), parts_->app.get_name()));
  } catch (const CLI::ParseError& error) {
    throw UsageError(
        fmt::format("{} (see {} --help)", Printable(error.what(), 300), parts_->app.get_name()));
  }
  for (const Parts::Value& value : parts_->values) {
    if (value.option->count() > 0) value.take(value.flag, value.text);
  }
  return ParseOutcome::kRun;
}

}  // namespace trinity

#include <array>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "cli/bench_command.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/chat_command.h"
#include "cli/command_line.h"
#include "cli/completion_command.h"
#include "cli/convert_command.h"
#include "cli/doctor_command.h"
#include "cli/inspect_command.h"
#include "cli/load_command.h"
#include "cli/logits_command.h"
#include "cli/man_command.h"
#include "cli/perplexity_command.h"
#include "cli/plan_command.h"
#include "cli/process_ranks.h"
#include "cli/quantize_command.h"
#include "cli/render_command.h"
#include "cli/run_command.h"
#include "cli/serve_command.h"
#include "cli/standard_output.h"
#include "cli/synth_command.h"
#include "cli/tokenize_command.h"
#include "cli/verify_command.h"
#include "cli/version_text.h"
#include "kernels/simd_target.h"
#include "parallel/process_group.h"
#include "parallel/rank_lost.h"

namespace trinity {
namespace {

constexpr int kFailedExitCode = 1;
constexpr int kUsageExitCode = 2;
constexpr int kOutputClosedExitCode = 141;  // as a shell shows a process that SIGPIPE ended

struct Command {
  std::string_view name;
  std::string_view purpose;
  int (*run)(CommandArguments arguments);
};

int RunCompletion(CommandArguments arguments);
int RunMan(CommandArguments arguments);

constexpr std::array<Command, 18> kCommands = {{
    {"run", "answer a prompt", RunCommand},
    {"chat", "talk with a model in the terminal", ChatCommand},
    {"serve", "answer the OpenAI API over HTTP, for many clients at a time", ServeCommand},
    {"load", "measure how a server answers many clients at a time", LoadCommand},
    {"render", "show the prompt that a chat template makes of messages", RenderCommand},
    {"inspect", "show what a checkpoint holds: layers, parameters, bytes, cache", InspectCommand},
    {"tokenize", "turn text into token ids, or ids into text", TokenizeCommand},
    {"logits", "write the logits of a text into a safetensors file", LogitsCommand},
    {"verify", "compare a model with what another implementation computed", VerifyCommand},
    {"bench", "measure how fast a model runs, and how near to the roof of the machine",
     BenchCommand},
    {"perplexity", "measure how well a model predicts a text", PerplexityCommand},
    {"convert", "turn a model folder into a GGUF file, or back", ConvertCommand},
    {"quantize", "write a model in 4 to 8 bits a weight", QuantizeCommand},
    {"plan", "show what memory a model takes, whether it fits, and what would make it fit",
     PlanCommand},
    {"doctor", "show what this machine is, and how fast which model could run on it",
     DoctorCommand},
    {"synth", "write a checkpoint of random weights in the shape of a Trinity", SynthCommand},
    {"completion", "print what bash or zsh completes command lines with", RunCompletion},
    {"man", "print the manual page", RunMan},
}};

constexpr const char* kPurpose = "Runs the Trinity models of Arcee (AFMoE) on CPUs";
constexpr std::array<HelpEntry, 2> kOptions = {
    {{"-h,--help", "Show this help and exit; trinity COMMAND --help explains a command"},
     {"--version", "Show version, compiler and SIMD target and exit"}}};
constexpr std::array<HelpEntry, 3> kEnvironment = {
    {{"TRINITY_MODEL", "the model where a command is given none"},
     {"TRINITY_SIMD_TARGET", "the SIMD target to compute with; --version shows which there are"},
     {"TRINITY_MPI_PLUGIN", "the plug-in that mpirun needs, where it is not beside the program"}}};
constexpr const char* kExitCodes = "0 success, 1 failure, 2 wrong usage, 130 interrupted";

std::string HelpText() {
  std::string text = fmt::format("{}\nUsage: trinity COMMAND [OPTIONS]\n\nCommands:\n", kPurpose);
  for (const Command& command : kCommands) {
    text += fmt::format("  {:<12}{}\n", command.name, command.purpose);
  }
  text += "\nOptions:\n";
  for (const HelpEntry& option : kOptions) {
    text += fmt::format("  {:<12}{}\n", option.name, option.text);
  }
  text += "\nEnvironment:\n";
  for (const HelpEntry& variable : kEnvironment) {
    text += fmt::format("  {:<21}{}\n", variable.name, variable.text);
  }
  text += fmt::format("\nExit codes: {}.\n", kExitCodes);
  text += "\nExample:\n  trinity run -p \"What is a violin?\"\n";
  return text;
}

// The same as the help of program and commands, for completions and manual.
ProgramDescription DescribeProgram() {
  ProgramDescription program{kPurpose, {}, {}, {}, kExitCodes};
  for (const Command& command : kCommands) {
    program.commands.push_back(CommandLine::Describe(command.run));
  }
  program.options.assign(kOptions.begin(), kOptions.end());
  program.environment.assign(kEnvironment.begin(), kEnvironment.end());
  return program;
}

int RunCompletion(CommandArguments arguments) {
  return CompletionCommand(arguments, DescribeProgram);
}

int RunMan(CommandArguments arguments) { return ManCommand(arguments, DescribeProgram); }

void FollowEnvironment() {
  const char* target = std::getenv("TRINITY_SIMD_TARGET");
  if (target == nullptr || *target == '\0') return;
  try {
    ForceSimdTarget(target);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("TRINITY_SIMD_TARGET: {}", error.what()));
  }
}

int Dispatch(CommandArguments arguments) {
  FollowEnvironment();
  if (arguments.empty()) {
    throw UsageError("expected a command, found none (see trinity --help)");
  }
  const std::string_view name = arguments[0];
  if (name == "--help" || name == "-h" || name == "help") {
    WriteOutput(HelpText());
    return EXIT_SUCCESS;
  }
  if (name == "--version" || name == "-V" || name == "version") {
    WriteOutput(VersionText());
    return EXIT_SUCCESS;
  }
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(arguments.subspan(1));
  }
  throw UsageError(fmt::format("unknown command \"{}\" (see trinity --help)", Printable(name)));
}

void ReportFailure(std::string_view message) { WriteNotice(fmt::format("trinity: {}\n", message)); }

// Runs the command and turns what it throws into one line on stderr and an exit code.
int GuardedMain(CommandArguments arguments) {
  try {
    return Dispatch(arguments);
  } catch (const UsageError& error) {
    ReportFailure(error.what());
    return kUsageExitCode;
  } catch (const OutputClosed&) {
    return kOutputClosedExitCode;
  } catch (const Interrupted&) {
    ReportFailure("interrupted");
    return kInterruptedExitCode;
  } catch (const RankLost& error) {
    ReportFailure(error.what());
    if (ProcessRanks* ranks = ProcessRanks::OfThisProcess()) ranks->group().GiveUp(error.what());
  } catch (const std::bad_alloc&) {
    ReportFailure("out of memory");
  } catch (const Error& error) {
    ReportFailure(error.what());
  } catch (const std::exception& error) {
    ReportFailure(fmt::format("unexpected error: {}", Printable(error.what())));
  } catch (...) {
    ReportFailure("unexpected error");
  }
  return kFailedExitCode;
}

// As one of the processes that mpirun has started.
int RunAsRank(CommandArguments arguments, ProcessGroup group) {
  ProcessRanks ranks(std::move(group));
  if (ranks.group().is_leader()) return GuardedMain(arguments);
  try {
    FollowEnvironment();
    ranks.Follow();
  } catch (const std::exception& error) {
    ranks.group().GiveUp(error.what());
  }
  return EXIT_SUCCESS;
}

int Main(CommandArguments arguments) {
  ProcessGroup group;
  try {
    group = JoinProcessGroup();
  } catch (const Error& error) {
    ReportFailure(error.what());
    return kFailedExitCode;
  }
  return group.ranks ? RunAsRank(arguments, std::move(group)) : GuardedMain(arguments);
}

}  // namespace
}  // namespace trinity

int main(int argc, char** argv) {
  trinity::HoldClosedDescriptors();
  trinity::IgnoreBrokenPipes();
  const trinity::CommandArguments all(argv, static_cast<size_t>(argc));
  return trinity::Main(all.subspan(argc > 0 ? 1 : 0));
}

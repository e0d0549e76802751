#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

// What all commands share: help, version, environment, exit codes and the one line on stderr.

namespace trinity {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string>& CommandNames() {
  static const std::vector<std::string> names = {"run",    "inspect", "tokenize", "bench",
                                                 "doctor", "logits",  "verify",   "synth"};
  return names;
}

// Nothing on stdout, and this one line on stderr.
void ExpectFailure(const ProcessResult& result, int exit_code, const std::string& message) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, AllOf(StartsWith("trinity: "), HasSubstr(message), EndsWith("\n")));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST(Main, HelpNamesEveryCommand) {
  const ProcessResult result = RunTrinity({"--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  for (const std::string& name : CommandNames()) EXPECT_THAT(result.out, HasSubstr("\n  " + name));
}

TEST(Main, EveryCommandHasHelpWithAnExample) {
  for (const std::string& name : CommandNames()) {
    const ProcessResult result = RunTrinity({name, "--help"});
    EXPECT_EQ(result.exit_code, 0) << name;
    EXPECT_THAT(result.out, AllOf(HasSubstr("Usage: trinity " + name), HasSubstr("Example"),
                                  HasSubstr("\n  trinity " + name), HasSubstr("--json")));
  }
}

TEST(Main, HelpFitsInAHundredColumns) {
  for (const std::string& name : CommandNames()) {
    std::istringstream help(RunTrinity({name, "--help"}).out);
    for (std::string line; std::getline(help, line);) EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(Main, VersionNamesCompilerAndSimdTarget) {
  const ProcessResult result = RunTrinity({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              AllOf(StartsWith("trinity "), HasSubstr("compiler: "), HasSubstr("SIMD target: ")));
}

TEST(Main, SimdTargetCanBeForced) {
  const ProcessResult version =
      RunTrinity({"--version"}, {.environment = {{"TRINITY_SIMD_TARGET", "SSE4"}}});
  // Only where this CPU has it.
  if (version.exit_code == 0) {
    EXPECT_THAT(version.out, HasSubstr("SIMD target: SSE4 (of "));
  }
  ExpectFailure(RunTrinity({"--version"}, {.environment = {{"TRINITY_SIMD_TARGET", "MMX"}}}), 2,
                "TRINITY_SIMD_TARGET: ");
}

TEST(Main, WrongUsageExitsWithTwo) {
  ExpectFailure(RunTrinity({}), 2, "expected a command");
  ExpectFailure(RunTrinity({"sing"}), 2, "unknown command \"sing\"");
  ExpectFailure(RunTrinity({"run", "--frobnicate"}), 2, "--frobnicate");
  ExpectFailure(RunTrinity({"run", "a", "b"}), 2, "not expected");
  ExpectFailure(RunTrinity({"run", "-p"}), 2, "--prompt: expected exactly one value");
  ExpectFailure(RunTrinity({"run", "-p", "a", "-p", "b"}), 2,
                "--prompt: expected exactly one value");
  ExpectFailure(RunTrinity({"run", PicoFolder(), "-m", PicoFolder(), "-p", "a"}), 2,
                "--model: the model is given twice");
}

TEST(Main, NumbersAreTakenWhollyAndWithinTheirBounds) {
  for (const char* threads :
       {"x", "0", "-1", "1025", "1e2", "0x10", " 2", "2 ", "", "18446744073709551617", "2.0"}) {
    ExpectFailure(
        RunTrinity({"run", "-p", "a", "--threads", threads}), 2,
        "--threads: expected an integer from 1 to 1024, found \"" + std::string(threads) + "\"");
  }
  for (const char* temperature : {"nan", "inf", "-1", "1e999", "", "0,5"}) {
    ExpectFailure(RunTrinity({"run", "-p", "a", "--temperature", temperature}), 2,
                  "--temperature: expected a number from 0 to 100");
  }
  ExpectFailure(RunTrinity({"run", "-p", "a", "--seed", "-1"}), 2, "--seed");
  ExpectFailure(RunTrinity({"run", "-p", "a", "-n", "0"}), 2, "--max-tokens");
}

TEST(Main, ControlCharactersDoNotReachTheTerminal) {
  const ProcessResult result = RunTrinity({"run", "-m", "\x1b[31m\nno", "-p", "a"});
  ExpectFailure(result, 1, "\\x1b[31m\\x0ano: there is no such model");
}

TEST(Main, BadModelFilesAreNamed) {
  const TemporaryFolder folder;
  ExpectFailure(RunTrinity({"inspect", folder / "nothing"}), 1, "nothing: there is no such model");
  ExpectFailure(RunTrinity({"inspect", folder.path()}), 1, "expected model.safetensors");
  ExpectFailure(RunTrinity({"inspect", "/dev/null"}), 1, "found a device");
  const std::string fifo = folder / "model.safetensors";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  ExpectFailure(RunTrinity({"inspect", folder.path()}), 1, "expected a regular file, found a FIFO");
}

TEST(Main, TruncatedModelIsRefused) {
  const TemporaryFolder folder;
  std::filesystem::copy(PicoFolder(), folder.path(), std::filesystem::copy_options::recursive);
  const std::string weights = folder / "model.safetensors";
  std::filesystem::permissions(weights, std::filesystem::perms::owner_all);
  for (const int64_t size : {0, 7, 8, 1000, 1000000}) {
    std::filesystem::resize_file(weights, static_cast<size_t>(size));
    ExpectFailure(RunTrinity({"run", folder.path(), "-p", "Hello!"}), 1, "model.safetensors: ");
    std::filesystem::copy_file(PicoFolder() + "/model.safetensors", weights,
                               std::filesystem::copy_options::overwrite_existing);
  }
}

TEST(Main, ModelComesFromTheEnvironmentWhereNoneIsGiven) {
  const ProcessOptions options = {.environment = {{"TRINITY_MODEL", TestData("goldens/base")}}};
  EXPECT_THAT(RunTrinity({"inspect"}, options).out, StartsWith(TestData("goldens/base")));
  EXPECT_THAT(RunTrinity({"inspect"}, {.environment = {{"TRINITY_MODEL", ""}}}).out,
              HasSubstr("trinity-pico"));
  ExpectFailure(RunTrinity({"inspect"}, {.environment = {{"TRINITY_MODEL", "/none"}}}), 1,
                "TRINITY_MODEL=/none");
}

TEST(Main, FullDiskIsAnError) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"inspect"}, {"tokenize", "a"}, {"run", "-p", "Hello!"}, {"verify"}}) {
    const ProcessResult result = RunTrinity(arguments, {.output_path = "/dev/full"});
    ExpectFailure(result, 1, "stdout: cannot be written: No space left on device");
  }
}

TEST(Main, NoFileTakesThePlaceOfAClosedDescriptor) {
  for (const std::string command : {"chat", "run"}) {
    const ProcessResult result = RunTrinity({command, PicoFolder()}, {.closed = {STDIN_FILENO}});
    EXPECT_EQ(result.exit_code, 1) << command;
    EXPECT_EQ(result.out, "") << command;
    EXPECT_THAT(result.err, EndsWith("trinity: stdin: cannot be read: Bad file descriptor\n"));
  }
  ExpectFailure(RunTrinity({"--version"}, {.closed = {STDOUT_FILENO}}), 1,
                "stdout: cannot be written: Bad file descriptor");
}

TEST(Main, WhatIsNoFileIsNotReplacedAndRefusedBeforeAnyWork) {
  const TemporaryFolder folder;
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"logits", "/none", "--ids", "1", "--out", fifo},
           {"bench", "/none", "--plot", fifo},
           {"perplexity", "/none", "/none/text", "--save-logits", fifo},
           {"load", "http://127.0.0.1:1", "--plot", fifo}}) {
    ExpectFailure(RunTrinity(arguments), 1, fifo + ": expected a file to write, found a FIFO");
  }
  EXPECT_TRUE(std::filesystem::is_fifo(fifo));
}

}  // namespace
}  // namespace trinity

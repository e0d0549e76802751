#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

// A machine that gives less than the program would like: one core, no memory, no disk, no AVX2, and
// somebody who ends it.

namespace trinity {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

// Runs a shell script in which $0 is the program.
ProcessResult Shell(const std::string& script, const std::vector<std::string>& arguments = {}) {
  std::vector<std::string> all = {"-c", script, TRINITY_BINARY};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return RunProcess("/bin/bash", all);
}

Json RunJson(const ProcessResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.exit_code == 0 ? ParseJson(result.out, "stdout") : Json();
}

std::string FirstAllowedCpu() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed)) ++cpu;
  return std::to_string(cpu);
}

TEST(HostileHost, OneAllowedCoreGivesOneThreadAndTheSameAnswer) {
  const Json free = RunJson(RunTrinity({"run", "-p", "What is a violin?", "-n", "8", "--json"}));
  const Json bound = RunJson(Shell(
      "exec taskset -c \"$1\" \"$0\" run -p 'What is a violin?' -n 8 --json", {FirstAllowedCpu()}));
  EXPECT_EQ(bound["threads"], 1);
  EXPECT_EQ(bound["token_ids"], free["token_ids"]);
}

// The targets that this CPU has, SSE4 and less among them, as a CPU without AVX2 would use them.
TEST(HostileHost, CpusWithoutAvx2Answer) {
  const Json best = RunJson(RunTrinity({"run", "-p", "What is a violin?", "-n", "4", "--json"}));
  int num_targets = 0;
  for (const char* target : {"AVX3", "AVX2", "SSE4", "SSSE3", "SSE2", "EMU128", "SCALAR"}) {
    const ProcessOptions options = {.environment = {{"TRINITY_SIMD_TARGET", target}}};
    if (RunTrinity({"--version"}, options).exit_code != 0) continue;
    const Json json =
        RunJson(RunTrinity({"run", "-p", "What is a violin?", "-n", "4", "--json"}, options));
    EXPECT_EQ(json["simd_target"], target);
    EXPECT_EQ(json["token_ids"], best["token_ids"]) << target;
    ++num_targets;
  }
  EXPECT_GT(num_targets, 1);
}

// The sanitizers reserve terabytes of addresses.
#if !defined(TRINITY_SANITIZED)
TEST(HostileHost, WithoutMemoryTheProgramSaysSo) {
  int num_refused = 0;
  for (const int kilobytes : {10'000, 12'000, 15'000, 25'000, 35'000}) {
    const ProcessResult result =
        Shell("ulimit -v \"$1\"; exec \"$0\" run -p Hello! -n 2 --threads 1",
              {std::to_string(kilobytes)});
    EXPECT_EQ(result.signal, 0) << kilobytes;
    EXPECT_THAT(result.exit_code, AnyOf(0, 1, 127)) << result.err;  // 127: not even loaded
    if (result.exit_code == 1) {
      ++num_refused;
      EXPECT_THAT(result.err, HasSubstr("memory"));
      EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    }
  }
  EXPECT_GT(num_refused, 0);
}
#endif

TEST(HostileHost, AFullDiskLeavesNoFileBehind) {
  const TemporaryFolder folder;
  const ProcessResult result = Shell(
      "trap '' XFSZ; ulimit -f 4; exec \"$0\" logits --ids 0,385,326 --out \"$1\"", {folder / "x"});
  EXPECT_EQ(result.exit_code, 1) << result.signal;
  EXPECT_THAT(result.err, HasSubstr("x: cannot be written"));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  const ProcessResult synth = Shell(
      "trap '' XFSZ; ulimit -f 4; exec \"$0\" synth nano --layers 1 --out \"$1\"", {folder / "y"});
  EXPECT_EQ(synth.exit_code, 1) << synth.signal;
  EXPECT_FALSE(fs::exists(folder / "y/model.safetensors"));
}

// The signal comes while a prompt of thousands of tokens is computed one by one, or even before:
// the answer has not begun.
TEST(HostileHost, SigtermDuringLoadOrPrefillEndsTheProgram) {
  const TemporaryFolder folder;
  std::ofstream(folder / "prompt") << std::string(5700, '7');
  const ProcessResult result = Shell(
      "\"$0\" run --raw -f \"$1\" -n 1 --threads 1 --prefill-chunk 1 & pid=$!; sleep 0.1; "
      "kill -TERM $pid; wait $pid",
      {folder / "prompt"});
  EXPECT_FALSE(result.timed_out);
  // Cancelled between steps, or, where nothing was running yet, ended by the signal itself.
  EXPECT_THAT(result.exit_code, AnyOf(130, 143)) << result.err;
}

TEST(HostileHost, FilesTruncatedBetweenRunsAreRefused) {
  const TemporaryFolder folder;
  fs::copy(PicoFolder(), folder.path(), fs::copy_options::recursive);
  fs::permissions(folder / "model.safetensors", fs::perms::owner_all);
  fs::resize_file(folder / "model.safetensors", 1'000'000);
  const ProcessResult result = RunTrinity({"run", folder.path(), "-p", "a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("truncated?"));
}

}  // namespace
}  // namespace trinity

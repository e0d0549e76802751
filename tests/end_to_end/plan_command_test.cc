#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/hollow_model.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Json PlanJson(const std::vector<std::string>& arguments, int exit_code) {
  std::vector<std::string> all = {"plan", "--json", "--read-rate", "40GB"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const ProcessResult run = RunTrinity(all);
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  return ParseJson(run.out, "stdout");
}

TEST(PlanCommand, TellsPartsTotalAndWhetherItFits) {
  const ProcessResult run = RunTrinity({"plan", "nano", "--type", "q4_k_m", "--context", "131072",
                                        "--kv-type", "f16", "--memory", "24GiB"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* part :
       {"nano, q4_k_m: 1 sequence of 131,072 tokens, F16 cache, 1 rank", "routed experts",
        "kv of full layers            1.88 GB", "available                   25.77 GB",
        "largest context              131,072", "decode at most", "prefill at most", "It fits."}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(PlanCommand, WhatDoesNotFitExitsWithOneAndSaysWhatWould) {
  const ProcessResult run = RunTrinity({"plan", "large", "--type", "bf16", "--ranks", "32",
                                        "--memory", "24GB", "--read-rate", "40GB"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, AllOf(HasSubstr("It does not fit: "), HasSubstr("--type q8_0"),
                             HasSubstr("--ranks ")));
  EXPECT_EQ(PlanJson({"large", "--ranks", "64", "--memory", "24GB"}, 0)["fits"], true);
}

TEST(PlanCommand, ReproducibleRanksShareWhatIsAvailableAmongTheirParts) {
  const Json parts =
      PlanJson({"nano", "--ranks", "2", "--reproducible-ranks", "--memory", "40GB"}, 0);
  const Json eighth = PlanJson({"nano", "--ranks", "8", "--memory", "10GB"}, 0);
  EXPECT_EQ(parts["ranks"], 2);
  EXPECT_EQ(parts["parts_of_rank"], 4);
  EXPECT_EQ(parts["bytes"], eighth["bytes"]);
  EXPECT_EQ(parts["available_bytes"], eighth["available_bytes"]);
  EXPECT_NEAR(4 * parts["tokens_per_s_at_most"].get<double>(),
              eighth["tokens_per_s_at_most"].get<double>(), 0.01);
  EXPECT_EQ(RunTrinity({"plan", "nano", "--ranks", "3", "--reproducible-ranks"}).exit_code, 2);
}

TEST(PlanCommand, AutoLeavesExpertsInTheFilesWhereMemoryDoesNotHoldThem) {
  const auto plan = [](const char* memory) {
    return PlanJson({"nano", "--weights", "auto", "--memory", memory}, 0);
  };
  EXPECT_EQ(plan("24GB")["weights"], "resident");
  const Json small = plan("8GB");
  EXPECT_EQ(small["weights"], "mapped");
  EXPECT_GT(small["total_bytes"], 6'000'000'000) << "the cache takes most of what is left";
}

TEST(PlanCommand, JsonAddsUp) {
  const Json json = PlanJson({"mini", "--type", "q8_0", "--memory", "1GB", "-b", "4"}, 1);
  int64_t total = 0;
  for (const Json& bytes : json["bytes"]) total += bytes.get<int64_t>();
  EXPECT_EQ(total, json["total_bytes"]);
  EXPECT_EQ(json["fits"], false);
  EXPECT_EQ(json["sequences"], 4);
  EXPECT_EQ(json["available_bytes"], 1'000'000'000);
  EXPECT_NEAR(json["tokens_per_s_at_most"].get<double>(),
              4 * 40e9 / json["decode_step_bytes"].get<double>(), 0.01);
}

TEST(PlanCommand, ThePlanOfTheBundledModelIsWhatRunningItTakes) {
  const Json plan = PlanJson({"--context", "600"}, 0);
  std::string prompt;
  for (int i = 0; i < 500; ++i) prompt += " a";
  const ProcessResult run = RunTrinity({"run", "--raw", "-p", prompt, "-n", "4", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
#if !defined(TRINITY_SANITIZED)
  const auto peak = ParseJson(run.out, "stdout")["peak_memory_bytes"].get<double>();
  EXPECT_NEAR(plan["total_bytes"].get<double>(), peak, 64e6);
#endif
}

TEST(PlanCommand, ExpertsCanBeSharedOutAmongGroupsOfRanks) {
  const auto experts_of = [](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"nano", "--memory", "24GiB", "--ranks", "16"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return PlanJson(arguments, 0)["bytes"]["routed experts"].get<int64_t>();
  };
  EXPECT_EQ(experts_of({"--expert-parallel", "2"}), experts_of({}) / 2);
  const ProcessResult text = RunTrinity({"plan", "nano", "--ranks", "4", "--expert-parallel", "2",
                                         "--read-rate", "40GB", "--memory", "24GiB"});
  EXPECT_THAT(text.out, HasSubstr("each of 4 ranks, experts in 2 groups"));
}

TEST(PlanCommand, RefusesWhatItCannotPlan) {
  const auto refusal = [](const std::vector<std::string>& arguments) {
    const ProcessResult run = RunTrinity(arguments);
    EXPECT_EQ(run.exit_code, 2);
    return run.err;
  };
  EXPECT_THAT(refusal({"plan", "nano", "--memory", "24G"}),
              HasSubstr("--memory: expected bytes such as 24GiB, 24GB or 24000000000, found "
                        "\"24G\""));
  EXPECT_THAT(refusal({"plan", "nano", "--memory", "-1GB"}), HasSubstr("found \"-1GB\""));
  EXPECT_THAT(refusal({"plan", "nano", "--context", "200000"}),
              HasSubstr("--context: expected at most 131072"));
  EXPECT_THAT(refusal({"plan", "nano", "--type", "q9"}), HasSubstr("--type"));
  EXPECT_THAT(refusal({"plan", "nano", "--ranks", "4", "--expert-parallel", "3"}),
              HasSubstr("--expert-parallel: expected a divisor of the 4 ranks, found 3"));
}

TEST(PlanCommand, AModelLargerThanMemoryIsRefusedBeforeItIsRead) {
  const TemporaryFolder folder;
  // 525 GB of embeddings and head.
  WriteHollowModel(folder, {{"vocab_size", 16'000'000},
                            {"hidden_size", 8192},
                            {"num_attention_heads", 8},
                            {"num_key_value_heads", 2},
                            {"head_dim", 128},
                            {"intermediate_size", 1024}});
  const ProcessResult run =
      RunTrinity({"logits", folder.path(), "--ids", "1", "--out", folder / "out.safetensors"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err,
              AllOf(HasSubstr(": takes "), HasSubstr(" of memory with 1 tokens ("),
                    HasSubstr("`trinity plan` shows more"), HasSubstr("--no-memory-check")));
}

// A model whose weights are small, and whose keys and values of a long context are not.
class LongContext : public testing::Test {
 protected:
  LongContext() {
    for (const char* file : {"model.safetensors", "tokenizer.json", "tokenizer_config.json"}) {
      std::filesystem::create_symlink(PicoFolder() + "/" + file, folder_ / file);
    }
    Json config = LoadJson(PicoFolder() + "/config.json");
    config["max_position_embeddings"] = kPositions;
    std::ofstream(folder_ / "config.json") << config.dump();
  }

  // 2 full layers with 2 heads of 64 dimensions: 2 KiB a token in float32, 2 TiB in all.
  static constexpr int64_t kPositions = int64_t{1} << 30;

  ProcessResult Run(std::vector<std::string> flags) const {
    std::vector<std::string> arguments = {"run", folder_.path(), "--raw", "-p", "Once", "-n", "2"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunTrinity(arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(LongContext, IsRefusedBeforeLoadingWhereItIsAskedFor) {
  const ProcessResult run = Run({"--context", "1000000000"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("with 1,000,000,000 tokens"), HasSubstr(" keys and values"),
                             HasSubstr("with --context ")));
  EXPECT_EQ(run.out, "");
}

TEST_F(LongContext, IsShortenedWhereTheModelOffersIt) {
  const ProcessResult run = Run({});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("[memory holds a context of "),
                             HasSubstr(" of the 1,073,741,824 that the model has]")));
}

TEST_F(LongContext, IsNotLookedAtWhereThatIsAskedFor) {
  const ProcessResult run = Run({"--context", "1000000000", "--no-memory-check"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

}  // namespace
}  // namespace trinity

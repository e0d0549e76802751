#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "tests/end_to_end/hollow_model.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/paths.h"

// Commands with models whose experts stay in files.

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Json RunJson(std::vector<std::string> flags) {
  std::vector<std::string> arguments = {"run", "-p", "What is a violin?", "--temp", "0", "--json"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const ProcessResult run = RunTrinity(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return ParseJson(run.out, "stdout");
}

TEST(ExpertFiles, GiveTheSameAnswerAndTellWhatWasRead) {
  const Json in_memory = RunJson({"--weights", "resident", "--logprobs", "3"});
  EXPECT_FALSE(in_memory.contains("experts"));
  for (const char* cache : {"400kB", "3MiB"}) {
    const Json in_files =
        RunJson({"--weights", "mapped", "--expert-cache", cache, "--logprobs", "3"});
    EXPECT_EQ(in_files["token_ids"], in_memory["token_ids"]);
    EXPECT_EQ(in_files["logprobs"], in_memory["logprobs"]);
    const Json& experts = in_files["experts"];
    EXPECT_GT(experts["bytes_read"], 0);
    EXPECT_GT(experts["bytes_read_per_token"], 0);
    EXPECT_LE(experts["read"], experts["asked"]);
    EXPECT_GE(experts["hit_rate"], 0);
  }
}

TEST(ExpertFiles, FlagsThatContradictEachOtherAreRefused) {
  const ProcessResult run =
      RunTrinity({"run", "-p", "a", "--weights", "resident", "--expert-cache", "1MB"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err,
              HasSubstr("--expert-cache: expected --weights mapped or auto, found resident"));
  const ProcessResult small =
      RunTrinity({"run", "-p", "a", "--weights", "mapped", "--expert-cache", "1kB"});
  EXPECT_EQ(small.exit_code, 1);
  EXPECT_THAT(small.err, HasSubstr("of one expert, found 1000"));
}

TEST(ExpertFiles, AreChosenWhereAModelIsLargerThanMemory) {
  const TemporaryFolder folder;
  // 825 GB of experts.
  WriteHollowModel(folder,
                   {{"num_hidden_layers", 3},
                    {"num_experts", 1 << 16},
                    {"moe_intermediate_size", 4096},
                    {"layer_types", {"sliding_attention", "full_attention", "full_attention"}}});
  std::vector<std::string> arguments = {"logits", folder.path(), "--ids",
                                        "1,2,3",  "--out",       folder / "out.safetensors"};
  const ProcessResult run = RunTrinity(arguments);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("more than the memory that is available: experts stay in the "
                                 "file"));
  arguments.insert(arguments.end(), {"--weights", "resident"});
  const ProcessResult refused = RunTrinity(arguments);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr(": takes "), HasSubstr("with --weights mapped it would "
                                                                  "take ")));
}

TEST(ExpertFiles, AServerCountsWhatItReadsOfThem) {
  const Json body = {{"messages", Messages("What is a violin?")}, {"max_tokens", 4}};
  const ServedPico resident({"--weights", "resident"});
  EXPECT_EQ(resident.Post("/v1/chat/completions", body).status, 200);
  EXPECT_FALSE(resident.Stats().contains("experts"));
  EXPECT_THAT(resident.Get("/metrics").body, testing::Not(HasSubstr("trinity_expert")));

  const ServedPico mapped({"--weights", "mapped", "--expert-cache", "400kB"});
  EXPECT_EQ(mapped.Stats()["experts"]["asked"], 0);
  EXPECT_EQ(mapped.Stats()["experts"]["hit_rate"], 1);
  EXPECT_EQ(mapped.Post("/v1/chat/completions", body).status, 200);
  const Json experts = mapped.Stats()["experts"];
  EXPECT_GT(experts["read"], 0) << experts;
  EXPECT_GE(experts["asked"], experts["read"]);
  EXPECT_GT(experts["bytes_read"], 0);
  EXPECT_GT(experts["read_s"], 0);
  const double asked = experts["asked"];
  EXPECT_NEAR(experts["hit_rate"], 1 - experts["read"].get<double>() / asked, 1e-9);
  const std::string metrics = mapped.Get("/metrics").body;
  for (const auto& [name, key] : {std::pair("trinity_experts_asked_total", "asked"),
                                  {"trinity_experts_read_total", "read"},
                                  {"trinity_expert_bytes_read_total", "bytes_read"}}) {
    EXPECT_THAT(metrics, HasSubstr(fmt::format("\n{} {}\n", name, experts[key].get<int64_t>())));
  }
  EXPECT_THAT(metrics, HasSubstr("\ntrinity_expert_hit_rate "));
}

TEST(ExpertFiles, AServerWhoseFileIsCutOffSaysSoAndGoesOnOnceItIsWhole) {
  const TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(PicoFolder())) {
    std::filesystem::copy_file(entry.path(), folder / entry.path().filename().string());
  }
  const std::string path = folder / "model.safetensors";
  const std::string whole = ReadTextFile(path);
  const ServedPico server(
      {folder.path(), "--weights", "mapped", "--expert-cache", "400kB", "--id", "m"});
  const Json body = {
      {"messages", Messages("What is a violin?")}, {"max_tokens", 4}, {"logprobs", true}};
  const auto choices = [](const RawHttpResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body)["choices"];
  };
  const Json before = choices(server.Post("/v1/chat/completions", body));
  std::filesystem::resize_file(path, 1 << 20);
  for (int i = 0; i < 2; ++i) {
    const RawHttpResponse failed = server.Post("/v1/chat/completions", body);
    EXPECT_EQ(failed.status, 500);
    EXPECT_THAT(failed.body, AllOf(HasSubstr("error"), HasSubstr("in the file, found 1048576")));
  }
  EXPECT_EQ(server.Get("/health/ready").status, 200);
  // The same file, not another of its name.
  std::ofstream(path, std::ios::in | std::ios::out | std::ios::binary) << whole;
  EXPECT_EQ(choices(server.Post("/v1/chat/completions", body)), before);
}

}  // namespace
}  // namespace trinity

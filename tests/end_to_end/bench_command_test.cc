#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(BenchCommand, JsonHoldsMachineResultsAndWhatWasSkipped) {
  const ProcessResult run =
      RunTrinity({"bench", PicoFolder(), "--prompt", "16,24", "--generate", "4", "--depth",
                  "0,64,8192", "--batch", "1,3", "--repeat", "2", "--threads", "2", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json json = ParseJson(run.out, "stdout");
  EXPECT_EQ(json["machine"]["threads"], 2);
  EXPECT_GT(json["machine"]["roof"]["read_gb_per_s"], 0);
  EXPECT_GT(json["machine"]["roof"]["int8_gop_per_s"], 0);
  EXPECT_EQ(json["model"]["kv_type"], "f32");
  EXPECT_EQ(json["model"]["arithmetic"], "f32");

  ASSERT_EQ(json["results"].size(), 8u);
  for (const Json& result : json["results"]) {
    EXPECT_GT(result["roof_share"], 0);
    EXPECT_LE(result["roof_share"], 1);
    EXPECT_LE(result["tokens_per_s_min"], result["tokens_per_s"]);
    EXPECT_LE(result["tokens_per_s"], result["tokens_per_s_max"]);
    EXPECT_GT(result["gb_per_s"], 0);
  }
  EXPECT_EQ(json["results"][0]["kind"], "prefill");
  EXPECT_EQ(json["results"][1]["tokens"], 24);
  EXPECT_EQ(json["results"][3]["kind"], "decode");
  EXPECT_EQ(json["results"][3]["batch"], 3);
  EXPECT_EQ(json["results"][4]["depth"], 64);

  ASSERT_EQ(json["skipped"].size(), 4u);
  EXPECT_EQ(json["skipped"][0]["depth"], 8192);
  EXPECT_THAT(json["skipped"][0]["reason"].get<std::string>(),
              HasSubstr("max_position_embeddings, 4096"));
}

TEST(BenchCommand, ShowsATableAndDrawsIt) {
  const TemporaryFolder folder;
  const std::string plot = folder / "shares.svg";
  const ProcessResult run =
      RunTrinity({"bench", "--prompt", "16", "--generate", "4", "--depth", "0", "--batch", "2",
                  "--repeat", "1", "--kv-type", "bf16", "--plot", plot});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* part :
       {"bf16 cache, products in f32\n", "roof: reads ", "\nprefill ", "\ndecode ", "of roof"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  EXPECT_THAT(ReadTextFile(plot), AllOf(StartsWith("<svg "), HasSubstr("decode of 2 sequences"),
                                        HasSubstr("prefill of 16"), HasSubstr("</svg>")));
}

TEST(BenchCommand, RefusesWhatItCannotMeasure) {
  const auto expect_usage = [](const std::vector<std::string>& flags, const char* message) {
    std::vector<std::string> arguments = {"bench"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const ProcessResult run = RunTrinity(arguments);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_THAT(run.err, HasSubstr(message));
  };
  expect_usage({"--prompt", "0", "--generate", "0"}, "--prompt and --generate: expected one");
  expect_usage({"--batch", "0"}, "--batch: expected an integer from 1");
  expect_usage({"--depth", "1,,2"}, "--depth: expected an integer");
  expect_usage({"--depth", "1,"}, "--depth: expected an integer");
  expect_usage({"--prompt", "512,many"}, "found \"many\"");
  expect_usage({"--repeat", "0"}, "--repeat: expected an integer from 1");
}

}  // namespace
}  // namespace trinity

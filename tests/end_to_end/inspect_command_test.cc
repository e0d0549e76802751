#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

Json InspectJson(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"inspect", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const ProcessResult result = RunTrinity(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return ParseJson(result.out, "stdout");
}

TEST(InspectCommand, ShowsWhatTheBundledModelHolds) {
  const ProcessResult result = RunTrinity({"inspect"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  for (const char* part :
       {"hidden_size              256", "  3-4      sliding_attention   128      yes   moe",
        "  total                    13,124,648    26.25 MB", "4,064 tokens, 3,776 merges",
        "Digits Split", "0 <|begin_of_text|>, 1 <|end_of_text|>", "model.safetensors"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
}

TEST(InspectCommand, JsonHoldsTheSameNumbers) {
  const Json json = InspectJson({PicoFolder()});
  EXPECT_EQ(json["config"]["route_scale"], 2.826);
  EXPECT_EQ(json["layers"].size(), 6u);
  EXPECT_EQ(json["layers"][0]["feed_forward"], "dense");
  EXPECT_TRUE(json["layers"][2]["window"].is_null());
  EXPECT_EQ(json["weights"]["routed experts"]["parameters"], 7864320);
  EXPECT_EQ(json["weights"]["routed experts"]["active_parameters"], 1966080);
  EXPECT_EQ(json["total"]["parameters"], 13124648);
  EXPECT_EQ(json["total"]["parameters"], json["config_parameters"]);
  EXPECT_EQ(json["kv_cache_bytes"].back()["tokens"], 4096);
  EXPECT_EQ(json["kv_cache_bytes"].back()["BF16"], 4456448);
  EXPECT_EQ(json["tokenizer"]["tokens"], 4064);
  EXPECT_EQ(json["tokenizer"]["eos_token_ids"], Json({1, 3}));
  EXPECT_FALSE(json.contains("tensors"));
}

TEST(InspectCommand, ListsTensorsOnRequest) {
  const Json json = InspectJson({"--tensors", TestData("goldens/base")});
  EXPECT_TRUE(json["tokenizer"].is_null());
  int64_t num_bytes = 0;
  for (const Json& tensor : json["tensors"]) num_bytes += tensor["bytes"].get<int64_t>();
  EXPECT_EQ(num_bytes, json["total"]["bytes"]);
  EXPECT_THAT(RunTrinity({"inspect", "--tensors", PicoFolder()}).out,
              HasSubstr("model.layers.1.mlp.router.gate.weight"));
}

TEST(InspectCommand, TellsWhereTheFilesDoNotFitTheConfig) {
  const TemporaryFolder folder;
  Json config = LoadJson(PicoFolder() + "/config.json");
  config["vocab_size"] = 5000;
  std::ofstream(folder / "config.json") << config;
  std::filesystem::create_symlink(PicoFolder() + "/model.safetensors",
                                  folder / "model.safetensors");
  EXPECT_THAT(RunTrinity({"inspect", folder.path()}).out, HasSubstr("it does not fit these files"));
}

TEST(InspectCommand, RefusesABadConfigByFieldAndValue) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(PicoFolder() + "/model.safetensors",
                                  folder / "model.safetensors");
  Json config = LoadJson(PicoFolder() + "/config.json");
  config["hidden_size"] = "many";
  std::ofstream(folder / "config.json") << config;
  const ProcessResult result = RunTrinity({"inspect", folder.path()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("config.json: hidden_size: expected"));
  EXPECT_THAT(result.err, HasSubstr("\"many\""));
}

}  // namespace
}  // namespace trinity

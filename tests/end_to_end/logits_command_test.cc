#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Checkpoint Logits(std::vector<std::string> arguments, const std::string& out) {
  arguments.insert(arguments.begin(), "logits");
  arguments.insert(arguments.end(), {"--out", out});
  const ProcessResult result = RunTrinity(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return Checkpoint::Open(out);
}

std::string IdsText(const std::vector<int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

TEST(LogitsCommand, WritesWhatTransformersComputed) {
  const TemporaryFolder folder;
  const std::string base = GoldenFolder("base");
  const Checkpoint golden = Checkpoint::Open(base + "/golden.safetensors");
  const Checkpoint found = Logits({base, "--ids", IdsText(GoldenIds(golden, 0)), "--hidden",
                                   "--router", "--prefill-chunk", "7"},
                                  folder / "out");
  EXPECT_THAT(found.Find("logits")->shape, ElementsAre(48, 259));
  EXPECT_THAT(found.Find("hidden")->shape, ElementsAre(9, 48, 64));
  EXPECT_THAT(found.Find("router_experts")->shape, ElementsAre(6, 48, 4));
  const std::vector<float> logits = ReadTensor<float>(found, "logits");
  const std::vector<float> expected = ReadTensor<float>(golden, "logits");
  EXPECT_LE(LargestDifference(logits, std::span(expected).first(logits.size())), 1e-4);
  // The first sequence of each layer: [6, B, 48, 4].
  const std::vector<int32_t> experts = ReadTensor<int32_t>(found, "router_experts");
  const std::vector<int32_t> want = ReadTensor<int32_t>(golden, "router_experts");
  for (size_t layer = 0; layer < 6; ++layer) {
    EXPECT_TRUE(std::equal(experts.begin() + static_cast<int64_t>(layer * 192),
                           experts.begin() + static_cast<int64_t>((layer + 1) * 192),
                           want.begin() + static_cast<int64_t>(layer * 2 * 192)));
  }
}

TEST(LogitsCommand, HiddenAgreesWithTransformersLayerByLayer) {
  const TemporaryFolder folder;
  const std::string path = GoldenFolder("long");
  const Checkpoint golden = Checkpoint::Open(path + "/golden.safetensors");
  std::ofstream(folder / "ids") << "[" << IdsText(GoldenIds(golden, 0)) << "]\n";
  const Checkpoint found =
      Logits({path, "--ids-file", folder / "ids", "--last", "96", "--hidden"}, folder / "out");
  EXPECT_EQ(found.Find("router_experts"), nullptr);
  EXPECT_LE(
      LargestDifference(ReadTensor<float>(found, "hidden"), ReadTensor<float>(golden, "hidden")),
      5e-4);
  EXPECT_LE(
      LargestDifference(ReadTensor<float>(found, "logits"), ReadTensor<float>(golden, "logits")),
      5e-4);
}

TEST(LogitsCommand, BitsDependOnNeitherChunksNorThreads) {
  const TemporaryFolder folder;
  const std::string text = "Once upon a time, a proud fox named Kate lived near the city.";
  const std::vector<float> whole = ReadTensor<float>(Logits({"-p", text}, folder / "a"), "logits");
  const std::vector<float> cut = ReadTensor<float>(
      Logits({"-p", text, "--prefill-chunk", "3", "-t", "1"}, folder / "b"), "logits");
  EXPECT_EQ(std::memcmp(whole.data(), cut.data(), whole.size() * sizeof(float)), 0);
  const std::vector<float> last = ReadTensor<float>(
      Logits({"-p", text, "--last", "2", "--kv-type", "f32"}, folder / "c"), "logits");
  EXPECT_EQ(
      std::memcmp(&whole[whole.size() - last.size()], last.data(), last.size() * sizeof(float)), 0);
}

TEST(LogitsCommand, TellsWhatItWrote) {
  const TemporaryFolder folder;
  const ProcessResult result =
      RunTrinity({"logits", "--ids", "1,2,3", "--last", "9", "--json", "--out", folder / "x"});
  EXPECT_EQ(ParseJson(result.out, "stdout")["tensors"]["logits"], Json({3, 4096}));
}

TEST(LogitsCommand, RefusesBadIdsAndLeavesNoFile) {
  const TemporaryFolder folder;
  const auto error_of = [&](std::vector<std::string> arguments, int exit_code) {
    arguments.insert(arguments.begin(), "logits");
    arguments.insert(arguments.end(), {"--out", folder / "out"});
    const ProcessResult result = RunTrinity(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
    return result.err;
  };
  EXPECT_THAT(error_of({"--ids", "1,x"}, 2), HasSubstr("--ids: expected token ids"));
  EXPECT_THAT(error_of({"--ids", "4096"}, 1), HasSubstr("token id 4096: expected 0 to 4095"));
  EXPECT_THAT(error_of({"--ids", "1", "-p", "a"}, 2), HasSubstr("exactly one of --ids"));
  EXPECT_THAT(error_of({}, 2), HasSubstr("exactly one of --ids"));
  std::ofstream(folder / "ids") << "1 two";
  EXPECT_THAT(error_of({"--ids-file", folder / "ids"}, 1), HasSubstr("\"two\""));
  std::string many = "1";
  for (int i = 0; i < 4096; ++i) many += ",1";
  EXPECT_THAT(error_of({"--ids", many}, 1), HasSubstr("4097 tokens: expected at most 4096"));
}

TEST(LogitsCommand, OutputThatCannotBeWrittenIsAnError) {
  const ProcessResult no_folder = RunTrinity({"logits", "--ids", "1", "--out", "/none/x"});
  EXPECT_EQ(no_folder.exit_code, 1);
  EXPECT_THAT(no_folder.err, HasSubstr("/none/x: cannot be created"));
  EXPECT_EQ(RunTrinity({"logits", "--ids", "1"}).exit_code, 2);
}

}  // namespace
}  // namespace trinity

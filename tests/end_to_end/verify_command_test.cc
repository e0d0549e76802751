#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

TEST(VerifyCommand, EveryGoldenHolds) {
  for (const std::string& name : GoldenCases()) {
    const ProcessResult result = RunTrinity({"verify", GoldenFolder(name)});
    EXPECT_EQ(result.exit_code, 0) << name << "\n" << result.out << result.err;
    EXPECT_THAT(result.out, EndsWith("passed\n"));
  }
}

TEST(VerifyCommand, TheBundledModelAgreesWithTransformers) {
  const ProcessResult result =
      RunTrinity({"verify", PicoFolder(), TestData("goldens/pico/golden.safetensors"), "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  const Json json = ParseJson(result.out, "stdout");
  EXPECT_EQ(json["passed"], true);
  EXPECT_EQ(json["router"]["equal"], 3500);
  EXPECT_LE(json["logits"]["largest_difference"], 1e-4);
  EXPECT_TRUE(json["hidden"]["first_difference"].is_null());
}

TEST(VerifyCommand, WithoutAGoldenStandardPromptsAreTried) {
  const ProcessResult result = RunTrinity({"verify", PicoFolder()});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("\"Hello, how are you?\": 7 tokens"),
                    HasSubstr("\"Explain quantum computing in simple terms.\""),
                    HasSubstr("fibonacci"), HasSubstr("greedy: "), EndsWith("passed\n")));
  const Json json = ParseJson(RunTrinity({"verify", "--json"}).out, "stdout");
  EXPECT_EQ(json["passed"], true);
  EXPECT_EQ(json["prompts"].size(), 3u);
  EXPECT_EQ(json["prompts"][0]["top_5"].size(), 5u);
  EXPECT_EQ(json["prompts"][0]["greedy"].size(), 5u);
}

TEST(VerifyCommand, AnotherModelFails) {
  const ProcessResult result = RunTrinity(
      {"verify", GoldenFolder("no_mup"), GoldenFolder("irregular_layers") + "/golden.safetensors"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, AllOf(HasSubstr("logits      FAIL"), HasSubstr("router      FAIL"),
                                HasSubstr("greedy      FAIL"), EndsWith("FAILED\n")));
}

TEST(VerifyCommand, GradientsAreComparedWhereAskedFor) {
  const ProcessResult text = RunTrinity({"verify", GoldenFolder("tied"), "--gradients"});
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_THAT(text.out, AllOf(HasSubstr("loss        ok "), HasSubstr("gradients   ok "),
                              EndsWith("passed\n")));
  const Json json = ParseJson(
      RunTrinity({"verify", GoldenFolder("tied"), "--gradients", "--json"}).out, "stdout");
  EXPECT_EQ(json["gradients"]["passed"], true);
  EXPECT_GT(json["gradients"]["tensors"].size(), 70u);
  // The gradients of another model are wrong.
  const ProcessResult other =
      RunTrinity({"verify", GoldenFolder("base"), GoldenFolder("tied") + "/golden.safetensors",
                  "--gradients"});
  EXPECT_EQ(other.exit_code, 1);
}

TEST(VerifyCommand, GradientsNeedAGoldenThatHoldsThemAndFloat32) {
  const ProcessResult none = RunTrinity({"verify", GoldenFolder("no_mup"), "--gradients"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("golden.safetensors: "));
  EXPECT_EQ(RunTrinity({"verify", PicoFolder(), "--gradients"}).exit_code, 2);
  EXPECT_EQ(
      RunTrinity({"verify", GoldenFolder("tied"), "--gradients", "--compute", "int8"}).exit_code,
      2);
}

TEST(VerifyCommand, ToleranceDecides) {
  const ProcessResult result =
      RunTrinity({"verify", GoldenFolder("tied"), "--tolerance", "1e-9", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(ParseJson(result.out, "stdout")["passed"], false);
  EXPECT_EQ(RunTrinity({"verify", GoldenFolder("tied"), "--tolerance", "x"}).exit_code, 2);
}

TEST(VerifyCommand, AGoldenOfAnotherShapeIsRefused) {
  const ProcessResult result = RunTrinity(
      {"verify", GoldenFolder("tp_awkward"), GoldenFolder("tied") + "/golden.safetensors"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr("tensor logits: expected shape [2, any, 263], found [2, 40, 259]"));
  EXPECT_EQ(result.out, "");
}

}  // namespace
}  // namespace trinity

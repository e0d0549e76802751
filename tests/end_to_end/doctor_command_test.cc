#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"

namespace trinity {
namespace {

using testing::HasSubstr;

TEST(DoctorCommand, DescribesTheMachineAndWhatItCouldRun) {
  const ProcessResult run = RunTrinity({"doctor"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* part : {"CPU ", "threads ", "SIMD ", "memory ", "huge pages ", "cgroup ",
                           "roof: reads ", "8,192 tokens", "\nnano    bf16 ", "\nlarge   q4_0 "}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(DoctorCommand, JsonTellsForEachSizeAndTypeWhetherItFits) {
  const ProcessResult run = RunTrinity({"doctor", "--json", "--context", "1024"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Json json = ParseJson(run.out, "stdout");
  EXPECT_EQ(json["context"], 1024);
  ASSERT_EQ(json["models"].size(), 18u);
  const auto available = json["machine"]["available_bytes"].get<int64_t>();
  for (const Json& model : json["models"]) {
    EXPECT_EQ(model["fits"], model["memory_bytes"].get<int64_t>() <= available);
    EXPECT_GT(model["tokens_per_s"], 0);
  }
  // A shape that is published: 12.24 GB in bf16.
  EXPECT_EQ(json["models"][0]["size"], "nano");
  EXPECT_NEAR(json["models"][0]["weight_bytes"].get<double>(), 12.24e9, 0.01e9);
  EXPECT_GT(json["machine"]["roof"]["read_gb_per_s"], 0);
}

TEST(DoctorCommand, RefusesABadContext) {
  const ProcessResult run = RunTrinity({"doctor", "--context", "0"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("--context: expected an integer from 1"));
}

}  // namespace
}  // namespace trinity

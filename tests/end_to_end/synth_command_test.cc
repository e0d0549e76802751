#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

TEST(SynthCommand, RefusesWhatItCannotMake) {
  const TemporaryFolder folder;
  const auto error_of = [&](const std::vector<std::string>& arguments, int exit_code) {
    const ProcessResult result = RunTrinity(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return result.err;
  };
  EXPECT_THAT(error_of({"synth", "--out", folder / "a"}, 2), HasSubstr("nano, mini or large"));
  EXPECT_THAT(error_of({"synth", "tiny", "--out", folder / "a"}, 2), HasSubstr("\"tiny\""));
  EXPECT_THAT(error_of({"synth", "nano"}, 2), HasSubstr("--out"));
  EXPECT_THAT(error_of({"synth", "nano", "--out", folder / "a", "--layers", "0"}, 2),
              HasSubstr("--layers"));
  EXPECT_THAT(error_of({"synth", "nano", "--out", folder / "a", "--dtype", "f8"}, 2),
              HasSubstr("--dtype: expected one of bf16, f32"));
  EXPECT_THAT(error_of({"synth", "nano", "--out", folder / "a", "--layers", "57"}, 1),
              HasSubstr("57"));
  EXPECT_THAT(error_of({"synth", "nano", "--out", folder / "a", "--type", "q8_0"}, 2),
              HasSubstr("--type: needs a file to write"));
  EXPECT_THAT(error_of({"synth", "nano", "--out", folder / "a.gguf", "--dtype", "f32"}, 2),
              HasSubstr("--dtype"));
  EXPECT_THAT(error_of({"synth", "nano", "--out", folder / "a", "--force"}, 2),
              HasSubstr("--force"));
  // Not empty: nothing of it is touched.
  EXPECT_THAT(error_of({"synth", "nano", "--out", PicoFolder()}, 1), HasSubstr("trinity-pico"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

}  // namespace
}  // namespace trinity

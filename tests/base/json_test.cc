#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {
namespace {

std::string ErrorOf(std::string_view text, const JsonLimits& limits = {}) {
  try {
    ParseJson(text, "f.json", limits);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Json, KeepsOrderAndNumberKinds) {
  const Json json = ParseJson(R"({"b":1,"a":[-2,18446744073709551615,1.5,true,null,"x"]})", "f");
  EXPECT_EQ(json.begin().key(), "b");
  EXPECT_EQ(json["a"][1].get<uint64_t>(), 18446744073709551615u);
  EXPECT_TRUE(json["a"][0].is_number_integer());
  EXPECT_EQ(json.dump(), R"({"b":1,"a":[-2,18446744073709551615,1.5,true,null,"x"]})");
}

TEST(Json, IntegersBeyondSixtyFourBitsKeepTheirDigitsOnlyWhereThatIsAsked) {
  JsonLimits limits;
  limits.keeps_digits = [](std::string_view member) { return member == "exact" || member.empty(); };
  const std::string_view text =
      R"({"near":[18446744073709551616],"exact":{"a":[18446744073709551616,1e20,7]},"n":-1e20})";
  const Json json = ParseJson(text, "f", limits);
  EXPECT_EQ(json["near"][0], 18446744073709551616.0);
  EXPECT_EQ(LongInteger(json["near"][0]), std::nullopt);
  EXPECT_EQ(LongInteger(json["exact"]["a"][0]), "18446744073709551616");
  EXPECT_EQ(json["exact"]["a"][1], 1e20);
  EXPECT_EQ(LongInteger(json["exact"]["a"][2]), std::nullopt);
  EXPECT_EQ(json["n"], -1e20);
  EXPECT_EQ(LongInteger(ParseJson("[-9223372036854775809]", "f", limits)[0]),
            "-9223372036854775809");
  EXPECT_EQ(ParseJson(text, "f")["exact"]["a"][0], 18446744073709551616.0);
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_THAT(ErrorOf(R"({"a":{"k":1,"k":2}})"), testing::HasSubstr("\"k\" twice"));
}

TEST(Json, RefusesDeepNestingBeforeBuildingIt) {
  EXPECT_THAT(ErrorOf(std::string(1000000, '[')), testing::HasSubstr("deeper than 64"));
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1}x", "\"\xff\"", "\"\\ud800\"", "nan", "01"}) {
    EXPECT_THAT(ErrorOf(text), testing::HasSubstr("f.json: not valid JSON")) << text;
  }
  EXPECT_THAT(ErrorOf("1e999"), testing::HasSubstr("f.json"));
}

TEST(Json, RefusesNulBytesWhereverTheyStand) {
  for (const std::string_view text :
       {std::string_view("{\"a\":1}\0", 8), std::string_view("\0", 1),
        std::string_view("[1]\0[2]", 7), std::string_view("[\"a\0b\"]", 7)}) {
    EXPECT_THAT(ErrorOf(text), testing::HasSubstr("f.json: not valid JSON at byte"));
  }
}

}  // namespace
}  // namespace trinity

#include "server/request_body.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "server/api_error.h"

namespace trinity {
namespace {

using Unknown = RequestBody::Unknown;

constexpr RequestField kFields[] = {
    {"count", FieldType::kInteger, "A count.", 0, 10},
    {"share", FieldType::kNumber, "A share.", 0, 1},
    {"names", FieldType::kTextOrTexts, "Names.", 0, 2},
    {"any", FieldType::kInteger, "Any."},
    {"messages", FieldType::kObjects, "Messages."},
    {"seed", FieldType::kSeed, "A seed."},
    {"tools", FieldType::kAny, "Not there.", 0, 0, FieldUse::kRefused, R"([[], "none"])"},
    {"text", FieldType::kText, "A text.", 0, 0, FieldUse::kUsed, "[]", true},
};

RequestBody Parse(const std::string& text, Unknown unknown = Unknown::kAccept) {
  return RequestBody::Parse(text, kFields, unknown);
}

// The field that is named in the refusal of a body.
std::string Refused(const std::string& text, Unknown unknown = Unknown::kAccept) {
  try {
    Parse(text, unknown);
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.param();
  }
  return "accepted";
}

TEST(RequestBody, ReadsFieldsOfTheirTypes) {
  const RequestBody body = Parse(R"({"text": "x", "count": 3.0, "share": 1, "names": "a"})");
  EXPECT_EQ(body.FindText("text"), "x");
  EXPECT_EQ(body.FindInteger("count"), 3);
  EXPECT_EQ(body.FindNumber("share"), 1.0);
  EXPECT_THAT(body.TextsAt("names"), testing::ElementsAre("a"));
}

TEST(RequestBody, NullIsAbsent) {
  const RequestBody body = Parse(R"({"text": "x", "count": null, "tools": null})");
  EXPECT_EQ(body.FindInteger("count"), std::nullopt);
  EXPECT_EQ(Refused(R"({"text": null})"), "text");
}

TEST(RequestBody, RefusesOtherTypesAndNumbersOutOfBounds) {
  for (const char* value : {"-1", "11", "1.5", "\"3\"", "true", "[3]", "1e300"}) {
    EXPECT_EQ(Refused(std::string(R"({"text": "x", "count": )") + value + "}"), "count") << value;
  }
  EXPECT_EQ(Refused(R"({"text": "x", "names": ["a", "b", "c"]})"), "names");
  EXPECT_EQ(Refused(R"({"text": "x", "names": ["a", 1]})"), "names");
  EXPECT_EQ(Refused(R"({"count": 1})"), "text");
}

TEST(RequestBody, RefusesWhatIsNotImplementedUnlessItAsksForNothing) {
  EXPECT_EQ(Refused(R"({"text": "x", "tools": [1]})"), "tools");
  EXPECT_EQ(Refused(R"({"text": "x", "tools": []})"), "accepted");
  EXPECT_EQ(Refused(R"({"text": "x", "tools": "none"})"), "accepted");
}

TEST(RequestBody, UnknownFieldsAreListedOrRefused) {
  EXPECT_THAT(Parse(R"({"text": "x", "store": true})").unknown_fields(),
              testing::ElementsAre("store"));
  EXPECT_EQ(Refused(R"({"text": "x", "store": true})", Unknown::kRefuse), "store");
}

TEST(RequestBody, SeedsHaveSixtyFourBits) {
  const uint64_t all = ~uint64_t{0};
  EXPECT_EQ(Parse(R"({"text": "x", "seed": 18446744073709551615})").FindSeed("seed"), all);
  EXPECT_EQ(Parse(R"({"text": "x", "seed": -1})").FindSeed("seed"), all);
  EXPECT_EQ(Parse(R"({"text": "x", "seed": 1e19})").FindSeed("seed"), 10000000000000000000u);
  EXPECT_EQ(Parse(R"({"text": "x", "seed": -9223372036854775808})").FindSeed("seed"),
            uint64_t{1} << 63);
}

TEST(RequestBody, SeedsBeyondSixtyFourBitsAreRefused) {
  for (const char* value :
       {"18446744073709551616", "18446744073709551615.0", "-9223372036854775809", "1e30", "-1e30",
        "1.5", "\"3\"", "true", "[3]"}) {
    EXPECT_EQ(Refused(std::string(R"({"text": "x", "seed": )") + value + "}"), "seed") << value;
  }
}

TEST(RequestBody, MessagesKeepTheDigitsOfLongIntegersAndSeedsDoNot) {
  const RequestBody body = Parse(
      R"({"text": "x", "seed": 18446744073709550000, "messages": [{"i": 123456789012345678901}]})");
  EXPECT_EQ(LongInteger((*body.Find("messages"))[0]["i"]), "123456789012345678901");
  EXPECT_EQ(body.FindSeed("seed"), 18446744073709550000u);
  EXPECT_EQ(Parse(R"({"text": "x", "any": 123456789012345678901})").FindInteger("any"),
            std::numeric_limits<int64_t>::max());
}

TEST(RequestBody, IntegersBeyondTheirTypeDoNotWrapAround) {
  const int64_t highest = std::numeric_limits<int64_t>::max();
  for (const char* value : {"18446744073709551615", "1e30"}) {
    const RequestBody body = Parse(std::string(R"({"text": "x", "any": )") + value + "}");
    EXPECT_EQ(body.FindInteger("any"), highest) << value;
  }
}

TEST(RequestBody, RefusesWhatIsNoObject) {
  for (const char* text : {"", "[]", "3", "{", "{}{}", R"({"text": "x", "text": "y"})"}) {
    EXPECT_THROW(Parse(text), Error) << text;
  }
}

}  // namespace
}  // namespace trinity

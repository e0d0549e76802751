#include "server/api_keys.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "base/error.h"

namespace trinity {
namespace {

TEST(ApiKeys, OpenWithOneOfThemOnly) {
  const ApiKeys keys({"first", "second"});
  EXPECT_TRUE(keys.Opens("Bearer first"));
  EXPECT_TRUE(keys.Opens("Bearer second"));
  for (const char* other :
       {"", "first", "Bearer ", "Bearer firs", "Bearer first ", "Basic first"}) {
    EXPECT_FALSE(keys.Opens(other)) << other;
  }
}

TEST(ApiKeys, WithoutAnyEverybodyMayAsk) { EXPECT_TRUE(ApiKeys({}).Opens("")); }

TEST(ApiKeys, AFileHasOneALine) {
  const std::string path = testing::TempDir() + "/api_keys";
  std::ofstream(path) << "# mine\nfirst\r\n\nsecond";
  EXPECT_THAT(LoadApiKeys(path), testing::ElementsAre("first", "second"));
  std::ofstream(path) << "# none\n";
  EXPECT_THROW(LoadApiKeys(path), Error);
}

}  // namespace
}  // namespace trinity

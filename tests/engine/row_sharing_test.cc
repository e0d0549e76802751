#include "engine/row_sharing.h"

#include <gmock/gmock.h>

namespace trinity {
namespace {

using testing::ElementsAre;

constexpr int64_t kAny = 1000;

TEST(RowSharing, EachAnswerThatGrowsHasARowAndPromptsTheRest) {
  const std::vector<RowDemand> demands = {{1, kAny}, {500, kAny}, {1, kAny}};
  EXPECT_THAT(ShareRows(demands, 64, kAny), ElementsAre(1, 62, 1));
  EXPECT_THAT(ShareRows(demands, 64, 16), ElementsAre(1, 16, 1));
}

TEST(RowSharing, AQuarterGoesToTheFirstAndTheRestToTheShortest) {
  const std::vector<RowDemand> demands = {{500, kAny}, {200, kAny}, {30, kAny}};
  EXPECT_THAT(ShareRows(demands, 100, kAny), ElementsAre(25, 45, 30));
}

TEST(RowSharing, TheMoreUrgentComesBeforeTheShorter) {
  const std::vector<RowDemand> demands = {{500, kAny}, {200, kAny, 1}, {30, kAny}};
  EXPECT_THAT(ShareRows(demands, 100, kAny), ElementsAre(25, 75, 0));
}

TEST(RowSharing, NobodyGetsMoreThanASequenceMayHaveInAStep) {
  const std::vector<RowDemand> demands = {{500, 10}, {200, 20}};
  EXPECT_THAT(ShareRows(demands, 100, kAny), ElementsAre(10, 20));
}

}  // namespace
}  // namespace trinity

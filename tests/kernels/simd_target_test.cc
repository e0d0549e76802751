#include "kernels/simd_target.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace trinity {
namespace {

using testing::HasSubstr;

TEST(SimdTarget, TheBestAvailableIsActiveUntilAnotherIsForced) {
  const std::vector<std::string> available = AvailableSimdTargets();
  ASSERT_FALSE(available.empty());
  ForceSimdTarget(available.back());
  EXPECT_EQ(ActiveSimdTarget(), available.back());
  EXPECT_EQ(AvailableSimdTargets(), available);
  ForceSimdTarget(available.front());
  EXPECT_EQ(ActiveSimdTarget(), available.front());
}

TEST(SimdTarget, AnUnknownNameIsRefusedWithThoseThatExist) {
  const std::string active = ActiveSimdTarget();
  try {
    ForceSimdTarget("AVX9000");
    FAIL() << "expected UsageError";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("AVX9000"));
    EXPECT_THAT(error.what(), HasSubstr(AvailableSimdTargets().front()));
  }
  EXPECT_EQ(ActiveSimdTarget(), active);
}

}  // namespace
}  // namespace trinity

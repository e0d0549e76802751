#include "kernels/best_logits.h"

#include <gmock/gmock.h>

#include "tests/generate/reference_sampling.h"

namespace trinity {
namespace {

using testing::ElementsAre;

TEST(BestLogits, AreThoseOfASortWithTheLowestIdFirstAmongEquals) {
  std::mt19937 random(1);
  for (const size_t size : {1, 2, 63, 64, 65, 1000, 5003}) {
    for (const Ties ties : {Ties::kNone, Ties::kMany}) {
      std::vector<float> logits = RandomLogits(random, size, ties);
      for (size_t i = 0; i < size; i += 7) logits[i] = kMinusInfinity;
      const std::vector<int32_t> sorted = IdsByKey(size, [&](int32_t id) { return logits[id]; });
      for (const size_t count : {size_t{0}, size_t{1}, size_t{5}, size / 2, size, size + 9}) {
        std::vector<int32_t> expected = sorted;
        expected.resize(std::min(count, size));
        EXPECT_EQ(BestLogits(logits, static_cast<int64_t>(count)), expected) << size << count;
      }
    }
  }
}

TEST(BestLogits, NanComesLast) {
  const std::vector<float> logits = {NAN, 1, kMinusInfinity, INFINITY, NAN};
  EXPECT_THAT(BestLogits(logits, 5), ElementsAre(3, 1, 0, 2, 4));
}

}  // namespace
}  // namespace trinity

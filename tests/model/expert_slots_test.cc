#include "model/expert_slots.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace trinity {
namespace {

using Newcomers = ExpertSlots::Newcomers;

// Those of `experts` that had to be given a slot.
std::vector<int64_t> Missing(ExpertSlots& slots, const std::vector<int64_t>& experts,
                             Newcomers newcomers = Newcomers::kStay) {
  std::vector<int64_t> missing;
  for (const auto& assignment : slots.Assign(experts, newcomers)) {
    EXPECT_EQ(slots.FindSlot(assignment.expert), assignment.slot);
    if (assignment.replaced) {
      EXPECT_EQ(slots.FindSlot(*assignment.replaced), std::nullopt);
    }
    missing.push_back(assignment.expert);
  }
  return missing;
}

TEST(ExpertSlots, WhoWasAskedForLongestAgoGivesUpItsSlot) {
  ExpertSlots slots(10, 3);
  EXPECT_EQ(Missing(slots, {0, 1, 2}), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(Missing(slots, {0}), (std::vector<int64_t>{}));
  const auto assignments = slots.Assign(std::vector<int64_t>{3}, Newcomers::kStay);
  ASSERT_EQ(assignments.size(), 1u);
  EXPECT_EQ(assignments[0].replaced, 1);
  EXPECT_EQ(Missing(slots, {0, 2, 3}), (std::vector<int64_t>{}));
  EXPECT_EQ(Missing(slots, {1}), (std::vector<int64_t>{1}));  // instead of 0
  EXPECT_EQ(Missing(slots, {2, 3}), (std::vector<int64_t>{}));
  EXPECT_EQ(slots.FindSlot(0), std::nullopt);
}

TEST(ExpertSlots, FreeSlotsAreGivenBeforeAnyIsTakenAway) {
  ExpertSlots slots(10, 4);
  Missing(slots, {0, 1}, Newcomers::kGoFirst);
  for (const auto& assignment : slots.Assign(std::vector<int64_t>{2, 3}, Newcomers::kStay)) {
    EXPECT_EQ(assignment.replaced, std::nullopt);
  }
}

// Whatever was asked for before: an expert that is asked for now is there afterwards, in a slot of
// its own.
TEST(ExpertSlots, ThoseThatAreAskedForTogetherNeverReplaceEachOther) {
  constexpr int64_t kExperts = 20, kSlots = 6;
  ExpertSlots slots(kExperts, kSlots);
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::set<int64_t> asked;
    while (static_cast<int64_t>(asked.size()) < 1 + i % kSlots) {
      asked.insert(static_cast<int64_t>(random() % kExperts));
    }
    Missing(slots, {asked.begin(), asked.end()},
            i % 3 == 0 ? Newcomers::kGoFirst : Newcomers::kStay);
    std::set<int64_t> taken;
    for (const int64_t expert : asked) {
      ASSERT_TRUE(slots.FindSlot(expert).has_value());
      taken.insert(*slots.FindSlot(expert));
    }
    EXPECT_EQ(taken.size(), asked.size());
    int64_t num_held = 0;
    for (int64_t expert = 0; expert < kExperts; ++expert) {
      num_held += slots.FindSlot(expert) ? 1 : 0;
    }
    EXPECT_LE(num_held, kSlots);
  }
}

// Half of what goes round and round is found, where the order of last use alone finds nothing.
TEST(ExpertSlots, NewcomersThatGoFirstLeaveTheOthersWhereTheyAre) {
  constexpr int64_t kExperts = 20, kSlots = 11;
  const auto num_missing = [](Newcomers newcomers) {
    ExpertSlots slots(kExperts, kSlots);
    size_t missing = 0;
    for (int round = 0; round < 2; ++round) {
      missing = 0;
      for (int64_t expert = 0; expert < kExperts; ++expert) {
        missing += Missing(slots, {expert}, newcomers).size();
      }
    }
    return missing;
  };
  EXPECT_EQ(num_missing(Newcomers::kStay), 20u);
  EXPECT_EQ(num_missing(Newcomers::kGoFirst), 10u);
}

TEST(ExpertSlots, AReleasedSlotIsFree) {
  ExpertSlots slots(10, 2);
  Missing(slots, {0, 1});
  slots.Release(1);
  EXPECT_EQ(slots.FindSlot(1), std::nullopt);
  EXPECT_EQ(Missing(slots, {2}), (std::vector<int64_t>{2}));
  EXPECT_EQ(Missing(slots, {0}), (std::vector<int64_t>{}));
}

}  // namespace
}  // namespace trinity

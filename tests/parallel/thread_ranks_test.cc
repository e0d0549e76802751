#include "parallel/thread_ranks.h"

#include <gmock/gmock.h>

#include <functional>
#include <thread>

#include "parallel/agreement.h"
#include "parallel/rank_lost.h"

namespace trinity {
namespace {

using testing::HasSubstr;

using Work = std::function<void(Communicator&)>;

void OnAllRanks(int num_ranks, const Work& work, Communicator& processes = SingleRank::Shared()) {
  ThreadRanks group(num_ranks, processes);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([&, rank] { work(group.Of(rank)); });
  }
  for (std::thread& thread : threads) thread.join();
}

// Threads stand for the processes.
void OnProcesses(int num_processes, int threads_each, const Work& work) {
  OnAllRanks(num_processes,
             [&](Communicator& processes) { OnAllRanks(threads_each, work, processes); });
}

// 1e8 swallows a 1 that comes after it and not the sum of those that come before.
float ValueOf(int rank) { return rank == 2 ? 1e8F : 1.0F; }

std::vector<float> SummedValues(Communicator& ranks, size_t size) {
  std::vector<float> values(size, ValueOf(ranks.rank()));
  ranks.Sum(values);
  return values;
}

TEST(ThreadRanks, SumInPairs) {
  const float by_three = (ValueOf(0) + ValueOf(1)) + ValueOf(2);
  const float by_five = (by_three + ValueOf(3)) + ValueOf(4);
  const float expected[] = {1, 2, by_three, (1.0F + 1.0F) + (1e8F + 1.0F), by_five};
  for (int num_ranks = 1; num_ranks <= 4; ++num_ranks) {
    OnAllRanks(num_ranks, [&](Communicator& ranks) {
      for (const size_t size : {1, 5, 1000}) {
        EXPECT_THAT(SummedValues(ranks, size), testing::Each(expected[ranks.size() - 1]));
      }
    });
  }
}

TEST(ThreadRanks, SumTheSameInAnyNumberOfProcesses) {
  const float expected = ((1.0F + 1.0F) + (1e8F + 1.0F)) + ((1.0F + 1.0F) + (1.0F + 1.0F));
  for (const int num_processes : {1, 2, 4, 8}) {
    OnProcesses(num_processes, 8 / num_processes, [&](Communicator& ranks) {
      EXPECT_EQ(ranks.size(), 8);
      EXPECT_THAT(SummedValues(ranks, 100), testing::Each(expected));
    });
  }
}

void GatherPartsOfAnySize(Communicator& ranks) {
  const std::vector<int64_t> sizes = {3, 0, 5, 1};
  const std::vector<std::byte> part(static_cast<size_t>(sizes[ranks.rank()]),
                                    static_cast<std::byte>(ranks.rank()));
  std::vector<std::byte> all(ranks.is_leader() ? 9 : 0);
  ranks.Gather(part, sizes, all);
  if (!ranks.is_leader()) return;
  std::vector<int> found;
  for (const std::byte byte : all) found.push_back(static_cast<int>(byte));
  EXPECT_THAT(found, testing::ElementsAre(0, 0, 0, 2, 2, 2, 2, 2, 3));
}

TEST(ThreadRanks, GatherPartsOfAnySizeOnTheLeader) {
  OnAllRanks(4, GatherPartsOfAnySize);
  OnProcesses(2, 2, GatherPartsOfAnySize);
}

void BroadcastTheBytesOfTheLeader(Communicator& ranks) {
  std::vector<std::byte> bytes(4, static_cast<std::byte>(7 * ranks.rank() + 1));
  ranks.Broadcast(bytes);
  EXPECT_THAT(bytes, testing::Each(std::byte{1}));
}

TEST(ThreadRanks, BroadcastTheBytesOfTheLeader) {
  OnAllRanks(3, BroadcastTheBytesOfTheLeader);
  OnProcesses(3, 2, BroadcastTheBytesOfTheLeader);
}

TEST(ThreadRanks, CountWhatTheySpend) {
  OnAllRanks(2, [](Communicator& ranks) {
    std::vector<float> values(10);
    ranks.Sum(values);
    ranks.Sum(values);
    EXPECT_EQ(ranks.cost(Collective::kSum).calls, 2);
    EXPECT_EQ(ranks.cost(Collective::kSum).bytes, 80);
    EXPECT_EQ(ranks.cost(Collective::kGather).calls, 0);
  });
}

std::string MessageOfLoss(Communicator& ranks) {
  try {
    std::vector<float> values(3);
    ranks.Sum(values);
  } catch (const RankLost& lost) {
    return lost.what();
  }
  return "nothing was lost";
}

TEST(ThreadRanks, AllHearOfOneThatEnds) {
  OnAllRanks(4, [](Communicator& ranks) {
    if (ranks.rank() == 2) return ranks.GiveUp("its disk failed");
    EXPECT_THAT(MessageOfLoss(ranks), HasSubstr("rank 2 ended: its disk failed"));
  });
}

// Of the two threads of each process, one that does not speak for it ends.
TEST(ThreadRanks, AProcessThatLosesAThreadEnds) {
  OnProcesses(2, 2, [](Communicator& ranks) {
    if (ranks.rank() == 3) return ranks.GiveUp("its disk failed");
    ranks.set_patience(std::chrono::seconds(60));
    const std::string message = MessageOfLoss(ranks);
    if (ranks.rank() == 2) {
      EXPECT_THAT(message, HasSubstr("rank 3 ended: its disk failed"));
      ranks.GiveUp(message);
    } else {
      EXPECT_THAT(message, HasSubstr("rank 1 ended: rank 3 ended: its disk failed"));
    }
  });
}

TEST(ThreadRanks, OneThatDoesNotComeIsNamed) {
  OnAllRanks(3, [](Communicator& ranks) {
    if (ranks.rank() == 1) return;
    ranks.set_patience(std::chrono::milliseconds(50));
    EXPECT_THAT(MessageOfLoss(ranks), HasSubstr("rank 1 did not answer"));
  });
}

TEST(ThreadRanks, WhoHasHeardOfALossIsKnown) {
  ThreadRanks group(2);
  constexpr std::chrono::milliseconds kShort(20);
  EXPECT_EQ(group.loss(), std::nullopt);
  group.Of(0).Lose("its disk failed");
  EXPECT_EQ(group.loss(), "rank 0 ended: its disk failed");
  EXPECT_TRUE(group.AwaitHeard(0, kShort));
  EXPECT_FALSE(group.AwaitHeard(1, kShort));
  EXPECT_THAT(MessageOfLoss(group.Of(1)), HasSubstr("rank 0 ended"));
  EXPECT_TRUE(group.AwaitHeard(1, kShort));
}

std::string MessageOfAgreement(Communicator& ranks, const RankReport& report) {
  try {
    Agree(ranks, report, std::nullopt);
  } catch (const Error& error) {
    return error.what();
  }
  return "agreed";
}

TEST(Agreement, WhoIsNotThereInTimeIsNamed) {
  OnAllRanks(2, [](Communicator& ranks) {
    if (ranks.rank() == 1) return;
    try {
      Agree(ranks, {}, std::chrono::milliseconds(50));
      FAIL() << "expected RankLost";
    } catch (const RankLost& lost) {
      EXPECT_THAT(lost.what(), HasSubstr("rank 1 did not answer"));
    }
  });
}

TEST(Agreement, ALongMessageShowsThatItIsCut) {
  OnAllRanks(2, [](Communicator& ranks) {
    const std::string message = MessageOfAgreement(ranks, {"", std::string(3000, 'x')});
    EXPECT_THAT(message, testing::MatchesRegex("rank 0: x+[.][.][.]"));
    EXPECT_GT(message.size(), 1000);
  });
}

TEST(Agreement, AllRanksHearTheSame) {
  OnAllRanks(3, [](Communicator& ranks) {
    EXPECT_EQ(MessageOfAgreement(ranks, {"build 1", ""}), "agreed");
    const std::string build = ranks.rank() == 2 ? "build 2" : "build 1";
    EXPECT_EQ(MessageOfAgreement(ranks, {build, ""}),
              "rank 2 would compute something else: expected build 1, as rank 0, found build 2");
    EXPECT_EQ(MessageOfAgreement(ranks, {build, ranks.rank() == 1 ? "no such file" : ""}),
              "rank 1: no such file");
  });
}

}  // namespace
}  // namespace trinity

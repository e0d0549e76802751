#include "parallel/message_ranks.h"

#include <gtest/gtest.h>

#include <functional>

#include "parallel/rank_lost.h"

namespace trinity {
namespace {

// Rank 0 of two, of which the other does not answer.
class DeafTransport final : public Transport {
 public:
  explicit DeafTransport(int& num_exchanges) : num_exchanges_(num_exchanges) {}

  int rank() const override { return 0; }
  int size() const override { return 2; }
  void Exchange(std::span<const OutgoingMessage>, std::span<const IncomingMessage>,
                Patience) override {
    ++num_exchanges_;
    throw RankLost("rank 1 has ended");
  }
  [[noreturn]] void Abort(std::string_view) override { throw std::runtime_error("aborted"); }

 private:
  int& num_exchanges_;
};

std::string LossOf(const std::function<void()>& operation) {
  try {
    operation();
  } catch (const RankLost& lost) {
    return lost.what();
  }
  return "none";
}

// A message that is late would otherwise be taken for the next one.
TEST(MessageRanks, ExchangeNothingMoreOnceARankIsLost) {
  int num_exchanges = 0;
  MessageRanks ranks(std::make_unique<DeafTransport>(num_exchanges));
  std::vector<float> values(3);
  EXPECT_EQ(LossOf([&] { ranks.Sum(values); }), "rank 1 has ended");
  EXPECT_EQ(LossOf([&] { ranks.AwaitAll(std::nullopt); }), "rank 1 has ended");
  EXPECT_EQ(num_exchanges, 1);
}

TEST(MessageRanks, ExchangeNothingOnceThisOneCannotGoOn) {
  int num_exchanges = 0;
  MessageRanks ranks(std::make_unique<DeafTransport>(num_exchanges));
  ranks.Lose("its disk failed");
  std::vector<float> values(3);
  EXPECT_EQ(LossOf([&] { ranks.Sum(values); }), "rank 0 ended: its disk failed");
  EXPECT_EQ(num_exchanges, 0);
}

}  // namespace
}  // namespace trinity

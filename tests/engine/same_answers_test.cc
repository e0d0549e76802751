#include <gtest/gtest.h>

#include <random>

#include "tests/engine/scheduled_model.h"

// What a request is answered does not depend on anything but the request: not on who else asks, on
// how prompts are cut, on what is kept of earlier ones, nor on whether memory is short.

namespace trinity {
namespace {

struct Load {
  std::string name;
  int num_requests;
  EngineOptions options;
  bool cancels = false;
  ScheduledModel& (*model)() = LongModel;
  bool comes_at_once = false;
};

void PrintTo(const Load& load, std::ostream* out) { *out << load.name; }

constexpr int64_t kLittle = int64_t{700} << 10;  // a long sequence and not much beside it

std::vector<Load> Loads() {
  const EngineOptions usual = {.kv_budget_bytes = int64_t{1} << 26, .step_tokens = 64};
  std::vector<Load> loads = {{"one", 1, usual}, {"many", 64, usual}, {"cancels", 24, usual, true}};
  EngineOptions few = usual;
  few.max_sequences = 3;
  few.step_tokens = 7;
  few.keep_every_tokens = 64;
  loads.push_back({"few", 12, few});
  EngineOptions little = usual;
  little.kv_budget_bytes = kLittle;
  little.keep_every_tokens = 64;
  loads.push_back({"little_memory", 16, little});
  loads.push_back({"little_memory_and_cancels", 16, little, true});
  little.keeps_prefixes = false;
  loads.push_back({"nothing_kept", 16, little});
  for (const int num : {1, 2, 5, 17, 64}) {
    loads.push_back({"at_once_" + std::to_string(num), num, usual, false, PicoModel, true});
  }
  for (const int num : {9, 33}) {
    const std::string name = "bf16_at_once_" + std::to_string(num);
    loads.push_back({name, num, usual, false, BFloat16PicoModel, true});
  }
  return loads;
}

class SameAnswers : public testing::TestWithParam<Load> {
 protected:
  int64_t Below(int64_t end) { return static_cast<int64_t>(random_()) % end; }

  std::vector<int32_t> RandomIds(int64_t count) {
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>(Below(259)));
    return ids;
  }

  // Begins like one of the prompts before, more often than not.
  EngineRequest RandomRequest() {
    std::vector<int32_t> ids;
    EngineRequest request;
    if (!prompts_.empty() && Below(4) != 0) {
      ids = prompts_[static_cast<size_t>(Below(static_cast<int64_t>(prompts_.size())))];
      ids.resize(static_cast<size_t>(1 + Below(static_cast<int64_t>(ids.size()))));
      request.turn_ends.push_back(static_cast<int64_t>(ids.size()));
    }
    const std::vector<int32_t> rest = RandomIds(1 + Below(150));
    ids.insert(ids.end(), rest.begin(), rest.end());
    prompts_.push_back(ids);
    EngineRequest asking =
        model_.Asking(ids, Below(GetParam().options.kv_budget_bytes == kLittle ? 150 : 20));
    asking.turn_ends = request.turn_ends;
    asking.text.tokens.sampling.temperature = Below(2) == 0 ? 0 : 1;
    asking.text.tokens.sampling.seed = random_();
    asking.text.tokens.stop_ids = {static_cast<int32_t>(Below(259))};
    if (Below(3) == 0) asking.text.stop_strings = {"a", "th"};
    if (Below(4) == 0) asking.num_answers = 1 + Below(3);
    asking.priority = Below(3) - 1;
    return asking;
  }

  int64_t NumArriving() { return GetParam().comes_at_once ? GetParam().num_requests : Below(8); }

  void RunRound() {
    std::vector<EngineRequest> requests;
    std::vector<std::shared_ptr<CollectingListener>> listeners;
    while (static_cast<int>(requests.size()) < GetParam().num_requests ||
           model_.scheduler().has_work()) {
      for (int64_t i = NumArriving(); i > 0; --i) {
        if (static_cast<int>(requests.size()) == GetParam().num_requests) break;
        requests.push_back(RandomRequest());
        listeners.push_back(model_.Add(requests.back()));
      }
      if (GetParam().cancels && Below(3) == 0) {
        model_.scheduler().Cancel(model_.last_id() - static_cast<RequestId>(Below(8)));
      }
      model_.scheduler().RunStep();
      EXPECT_LE(model_.scheduler().Stats().kv_bytes, GetParam().options.kv_budget_bytes);
    }
    for (size_t i = 0; i < requests.size(); ++i) Check(requests[i], *listeners[i]);
  }

  void Check(const EngineRequest& request, const CollectingListener& heard) {
    ASSERT_TRUE(heard.usage);
    EXPECT_EQ(heard.num_faults, 0);
    for (int64_t answer = 0; answer < request.num_answers; ++answer) {
      const HeardAnswer& got = heard.answers.at(answer);
      const TextGenerationResult alone = model_.Alone(request, answer);
      if (got.reason != FinishReason::kCancelled) {
        EXPECT_TRUE(IsSame(got, alone));
        continue;
      }
      // As far as it came.
      ASSERT_LE(got.ids.size(), alone.tokens.token_ids.size());
      EXPECT_TRUE(std::equal(got.ids.begin(), got.ids.end(), alone.tokens.token_ids.begin()));
    }
  }

  ScheduledModel& model_ = GetParam().model();
  std::mt19937 random_{7};
  std::vector<std::vector<int32_t>> prompts_;
};

TEST_P(SameAnswers, AreThoseOfEachRequestAloneAndAllPagesComeBack) {
  model_.Begin(GetParam().options);
  RunRound();
  RunRound();  // with what the first has left
  const EngineStats stats = model_.scheduler().Stats();
  EXPECT_EQ(stats.num_running_requests + stats.num_queued_requests, 0);
  EXPECT_EQ(model_.scheduler().CountPrefixBytes(), stats.kv_bytes);
  if (GetParam().options.keeps_prefixes && GetParam().num_requests > 1) {
    EXPECT_GT(stats.num_cached_tokens, 0);
  }
  model_.scheduler().ForgetPrefixes();
  EXPECT_EQ(model_.scheduler().Stats().kv_bytes, 0);
}

INSTANTIATE_TEST_SUITE_P(, SameAnswers, testing::ValuesIn(Loads()),
                         [](const auto& load) { return load.param.name; });

}  // namespace
}  // namespace trinity

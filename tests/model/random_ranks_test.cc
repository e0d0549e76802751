#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "model/model_group.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"
#include "tests/support/random_model.h"

// Several ranks compute what one does, of models of any shape.

namespace trinity {
namespace {

constexpr uint64_t kNumSeeds = 16;
constexpr int64_t kNumTokens = 30;

LoadOptions On(const RankGrid& grid, ComputeMode compute = ComputeMode::kF32) {
  LoadOptions load;
  load.grid = grid;
  load.compute = compute;
  return load;
}

class RandomRanks : public testing::TestWithParam<uint64_t> {
 protected:
  RandomRanks()
      : checkpoint_(WriteRandomModel(GetParam(), folder_ / "model")),
        config_(Config::FromJson(checkpoint_.config(), "")),
        ids_(RandomIds(config_, GetParam(), kNumTokens)),
        trace_(__FILE__, __LINE__, checkpoint_.config().dump()) {}

  std::vector<float> LogitsOn(const RankGrid& grid, ComputeMode compute = ComputeMode::kF32) {
    ModelGroup group(checkpoint_, 1, On(grid, compute));
    return RunModel(group.leader(), ids_);
  }

  // Of 8 ranks in so many processes, for which threads stand.
  std::vector<float> LogitsOfProcesses(int num_processes, ComputeMode compute) {
    ThreadRanks processes(num_processes);
    std::vector<std::thread> others;
    for (int process = 1; process < num_processes; ++process) {
      others.emplace_back([&, process] {
        ModelGroup(checkpoint_, 1, On({8}, compute), processes.Of(process)).Follow();
      });
    }
    std::vector<float> logits;
    {
      ModelGroup group(checkpoint_, 1, On({8}, compute), processes.Of(0));
      logits = RunModel(group.leader(), ids_);
    }
    for (std::thread& other : others) other.join();
    return logits;
  }

  TemporaryFolder folder_;
  Checkpoint checkpoint_;
  Config config_;
  std::vector<int32_t> ids_;
  testing::ScopedTrace trace_;
};

TEST_P(RandomRanks, ComputeTheModelOfOne) {
  ModelGroup one(checkpoint_, 1, On({1}));
  const ObservedRun alone = RunObserved(one.leader(), ids_);
  // Then no order of sums decides which experts compute a row.
  ASSERT_GT(alone.choices.smallest_gap, kDecidedGap) << "use another seed";
  double largest = 1;
  for (const float logit : alone.logits) largest = std::max<double>(largest, std::abs(logit));
  for (const RankGrid& grid : {RankGrid{2}, {3}, {5}, {8}, {2, 2}, {6, 3}}) {
    EXPECT_LE(LargestDifference(LogitsOn(grid), alone.logits), 1e-5 * largest)
        << grid.num_ranks << " ranks in " << grid.expert_groups << " groups";
  }
}

// As --reproducible-ranks has it.
TEST_P(RandomRanks, OfEightPartsGiveTheSameBitsInAnyNumberOfProcesses) {
  for (const ComputeMode compute : {ComputeMode::kF32, ComputeMode::kBF16}) {
    const std::vector<float> in_one = LogitsOn({8}, compute);
    for (const int num_processes : {2, 4, 8}) {
      EXPECT_EQ(LogitsOfProcesses(num_processes, compute), in_one) << num_processes;
    }
  }
}

TEST_P(RandomRanks, GiveEachOfSeveralSequencesTheBitsThatItHasAlone) {
  const std::vector<PacedSequence> sequences = {{RandomIds(config_, GetParam() + 1000, 23), 7},
                                                {RandomIds(config_, GetParam() + 2000, 11), 1},
                                                {ids_, kNumTokens}};
  for (const RankGrid& grid : {RankGrid{1}, {2}, {5}, {4, 2}}) {
    ModelGroup group(checkpoint_, 1, On(grid));
    const std::vector<std::vector<float>> together = RunSideBySide(group.leader(), sequences);
    for (size_t i = 0; i < sequences.size(); ++i) {
      EXPECT_EQ(together[i], RunModel(group.leader(), sequences[i].ids))
          << "sequence " << i << " on " << grid.num_ranks << " ranks";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRanks, testing::Range<uint64_t>(0, kNumSeeds),
                         [](const auto& test) { return std::to_string(test.param); });

// What the seeds are for.
TEST(RandomConfigs, AreOfEveryKind) {
  std::set<std::string> kinds;
  const auto note = [&](const char* kind, bool is_there) {
    if (is_there) kinds.insert(kind);
  };
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    const Config c = Config::FromJson(RandomConfig(seed), "");
    const int64_t num_full = c.num_layers_of(AttentionKind::kFull);
    note("all layers slide", num_full == 0);
    note("no layer slides", num_full == c.num_hidden_layers);
    note("some layers slide", num_full > 0 && num_full < c.num_hidden_layers);
    note("no dense layer", c.num_dense_layers == 0);
    note("all layers dense", c.num_dense_layers == c.num_hidden_layers);
    note("both", c.num_dense_layers > 0 && c.num_dense_layers < c.num_hidden_layers);
    note("one kv head", c.num_key_value_heads == 1);
    note("as many kv heads", c.num_key_value_heads == c.num_attention_heads);
    note("grouped", c.num_key_value_heads > 1 && c.num_key_value_heads < c.num_attention_heads);
    note("no shared expert", c.num_shared_experts == 0);
    note("two shared experts", c.num_shared_experts == 2);
    note("one expert a token", c.num_experts_per_tok == 1);
    note("four experts a token", c.num_experts_per_tok == 4);
    note("softmax", c.score_func == ScoreFunction::kSoftmax);
    note("sigmoid", c.score_func == ScoreFunction::kSigmoid);
    note("route_norm", c.route_norm);
    note("no route_norm", !c.route_norm);
    note("mup", c.mup_enabled);
    note("no mup", !c.mup_enabled);
    note("tied", c.tie_word_embeddings);
    note("not tied", !c.tie_word_embeddings);
  }
  EXPECT_EQ(kinds.size(), 21u) << testing::PrintToString(kinds);
}

}  // namespace
}  // namespace trinity

#include "train/rank_gradients.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <thread>

#include "base/error.h"
#include "model/model_group.h"
#include "tests/support/golden.h"
#include "train/backward.h"
#include "train/gradient_check.h"

// Gradients of a model that several ranks hold a part of each.

namespace trinity {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;
using Values = std::map<std::string, std::vector<float>>;

const Sequences kSequences = {{5, 17, 200, 3, 90, 41, 7, 7, 230, 12, 66, 1}, {1, 99, 64, 32}};

LoadOptions On(const RankGrid& grid) {
  LoadOptions load;
  load.grid = grid;
  return load;
}

std::string GridText(const std::string& name, const RankGrid& grid) {
  return fmt::format("{} on {} ranks in {} groups", name, grid.num_ranks, grid.expert_groups);
}

// The loss stands under the name "loss".
Values GradientsOf(const Model& model) {
  Values values;
  const double loss =
      VisitGradients(model, kSequences, [&](const std::string& name, const Matrix& gradient) {
        values[name].assign(gradient.data(), gradient.data() + gradient.rows() * gradient.cols());
      });
  values["loss"] = {static_cast<float>(loss)};
  return values;
}

Values GradientsOn(const RankGrid& grid, const Checkpoint& checkpoint) {
  ModelGroup group(checkpoint, 1, On(grid), SingleRank::Shared(), {FollowGradients});
  return GradientsOf(group.leader());
}

// Relative to the largest value of each tensor.
void ExpectNear(const Values& found, const Values& want) {
  ASSERT_EQ(found.size(), want.size());
  for (const auto& [name, values] : want) {
    const std::vector<float>& others = found.at(name);
    ASSERT_EQ(others.size(), values.size()) << name;
    double largest = 0;
    for (const float value : values) largest = std::max<double>(largest, std::abs(value));
    EXPECT_LE(LargestDifference(others, values), 1e-5 * largest) << name;
  }
}

void ExpectGolden(const std::string& name, const std::string& path, const RankGrid& grid) {
  SCOPED_TRACE(GridText(name, grid));
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
  ModelGroup group(checkpoint, 1, On(grid), SingleRank::Shared(), {FollowGradients});
  const GradientReport report = CheckGradients(group.leader(), Checkpoint::Open(path));
  EXPECT_LT(report.loss_difference, 1e-5);
  EXPECT_FALSE(report.tensors.empty());
  for (const GradientDifference& tensor : report.tensors) {
    EXPECT_LT(tensor.relative, kGradientTolerance) << tensor.name;
  }
}

TEST(RankGradients, AreThoseOfTransformers) {
  for (const std::string name : {"base", "tied", "mha_two_shared", "all_dense"}) {
    const std::string path = SharedFolder() + "/goldens/" + name + "/golden.safetensors";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << path;
    for (const int num_ranks : {1, 2, 3, 4, 5, 8}) ExpectGolden(name, path, {num_ranks});
    if (name != "all_dense") ExpectGolden(name, path, {4, 2});
  }
}

TEST(RankGradients, SomeOfTheTiedModelAreThoseOfTransformers) {
  for (const RankGrid& grid : {RankGrid{2}, {3}, {5}, {8}, {2, 2}, {4, 2}}) {
    ExpectGolden("tied", TestData("goldens/tied/golden.safetensors"), grid);
  }
}

// More ranks than kv heads, than heads, than blocks of columns; experts cut and shared out.
TEST(RankGradients, AreThoseOfOneRank) {
  for (const std::string name :
       {"base", "tp_awkward", "tied", "mha_two_shared", "all_dense", "softmax_router"}) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    const Values alone = GradientsOn({}, checkpoint);
    for (const RankGrid& grid : {RankGrid{2}, {3}, {4}, {5}, {8}, {13}, {2, 2}, {6, 3}}) {
      SCOPED_TRACE(GridText(name, grid));
      ExpectNear(GradientsOn(grid, checkpoint), alone);
    }
  }
}

// Sixteen of 64 ranks have no head.
TEST(RankGradients, OfFortyEightHeadsOn64RanksAreThoseOfOne) {
  const std::string path = SharedFolder() + "/goldens/heads_48";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << path;
  const Checkpoint checkpoint = Checkpoint::Open(path);
  ExpectNear(GradientsOn({64}, checkpoint), GradientsOn({}, checkpoint));
}

TEST(RankGradients, HaveTheSameBitsInEveryRun) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  EXPECT_EQ(GradientsOn({3}, checkpoint), GradientsOn({3}, checkpoint));
}

// Eight parts in so many processes, for which threads stand.
Values GradientsOfProcesses(int num_processes, const Checkpoint& checkpoint) {
  ThreadRanks processes(num_processes);
  std::vector<std::thread> others;
  for (int process = 1; process < num_processes; ++process) {
    others.emplace_back([&, process] {
      ModelGroup(checkpoint, 1, On({8}), processes.Of(process), {FollowGradients}).Follow();
    });
  }
  Values values;
  {
    ModelGroup group(checkpoint, 1, On({8}), processes.Of(0), {FollowGradients});
    values = GradientsOf(group.leader());
  }
  for (std::thread& other : others) other.join();
  return values;
}

TEST(RankGradients, OfEightPartsHaveTheSameBitsInAnyNumberOfProcesses) {
  for (const std::string name : {"base", "tp_awkward"}) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    const Values expected = GradientsOn({8}, checkpoint);
    for (const int num_processes : {2, 4, 8}) {
      EXPECT_EQ(GradientsOfProcesses(num_processes, checkpoint), expected)
          << name << " in " << num_processes << " processes";
    }
  }
}

// What each of several ranks has, side by side.
std::vector<LossAndGradients> GradientsOfRanks(int num_ranks, const Checkpoint& checkpoint,
                                               std::vector<RankSlice>& slices) {
  ThreadRanks ranks(num_ranks);
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  std::vector<LossAndGradients> found;
  for (int rank = 0; rank < num_ranks; ++rank) {
    slices.push_back(SliceOf(config, {num_ranks}, rank));
    found.push_back({0, 0, Gradients(config, slices.back())});
  }
  std::vector<std::thread> threads;
  for (int rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadPool pool(1);
      const auto model = Model::Load(checkpoint, pool, On({num_ranks}), ranks.Of(rank));
      found[static_cast<size_t>(rank)] = ComputeGradients(*model, kSequences);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return found;
}

std::vector<float> RowsFrom(const Matrix& matrix, int64_t first, int64_t count) {
  return {matrix.Row(first), matrix.Row(first) + count * matrix.cols()};
}

TEST(RankGradients, OfWhatAllHoldAreTheSameOnEachAndOnce) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  std::vector<RankSlice> slices;
  const std::vector<LossAndGradients> found = GradientsOfRanks(5, checkpoint, slices);
  const Values alone = GradientsOn({}, checkpoint);
  const auto is_on_all = [](const std::string& name) {
    return name.ends_with("norm.weight") || name.ends_with("router.gate.weight");
  };
  Values of_first;
  found.front().gradients.ForEach([&](const std::string& name, const Matrix& gradient) {
    if (is_on_all(name)) of_first[name] = RowsFrom(gradient, 0, gradient.rows());
  });
  EXPECT_GT(of_first.size(), 12u);
  for (const auto& [name, values] : of_first) {
    EXPECT_LE(LargestDifference(values, alone.at(name)), 1e-5) << name;
  }
  for (const LossAndGradients& of_rank : found) {
    EXPECT_EQ(of_rank.loss, found.front().loss);
    of_rank.gradients.ForEach([&](const std::string& name, const Matrix& gradient) {
      if (!is_on_all(name)) return;
      EXPECT_EQ(RowsFrom(gradient, 0, gradient.rows()), of_first.at(name)) << name;
    });
  }
}

// On 5 ranks of a model with fewer kv heads.
TEST(RankGradients, OfAKvHeadThatSeveralHoldAreTheSumOnEach) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  std::vector<RankSlice> slices;
  const std::vector<LossAndGradients> found = GradientsOfRanks(5, checkpoint, slices);
  const Values alone = GradientsOn({}, checkpoint);
  const std::vector<float>& whole = alone.at("model.layers.0.self_attn.k_proj.weight");
  int64_t num_held = 0;
  for (size_t rank = 0; rank < found.size(); ++rank) {
    const IndexRange& held = slices[rank].kv_heads;
    num_held += held.size();
    const Matrix& gradient = found[rank].gradients.layers[0].attention.k_proj;
    ASSERT_EQ(gradient.rows(), held.size() * config.head_dim);
    const std::span<const float> want = std::span(whole).subspan(
        static_cast<size_t>(held.begin * config.head_dim * gradient.cols()),
        static_cast<size_t>(gradient.rows() * gradient.cols()));
    if (held.size() == 0) continue;
    EXPECT_LE(LargestDifference(RowsFrom(gradient, 0, gradient.rows()), want), 1e-6) << rank;
  }
  EXPECT_GT(num_held, config.num_key_value_heads);
}

TEST(RankGradients, StepsGoOnAfterThemAndAfterAVisitorThatThrows) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  ModelGroup group(checkpoint, 1, On({3}), SingleRank::Shared(), {FollowGradients});
  const Model& model = group.leader();
  const std::vector<float> before = RunModel(model, kSequences[0]);
  const Values first = GradientsOf(model);
  EXPECT_EQ(RunModel(model, kSequences[0]), before);
  EXPECT_THROW(VisitGradients(model, kSequences,
                              [](const std::string&, const Matrix&) { Fail("not this one"); }),
               Error);
  EXPECT_EQ(GradientsOf(model), first);
  EXPECT_EQ(RunModel(model, kSequences[0]), before);
}

TEST(RankGradients, AreRefusedBeforeOtherRanksHearOfThem) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("all_dense"));
  ModelGroup group(checkpoint, 1, On({2}), SingleRank::Shared(), {FollowGradients});
  const GradientVisit ignore = [](const std::string&, const Matrix&) {};
  EXPECT_THROW(VisitGradients(group.leader(), Sequences{{1}}, ignore), Error);
  EXPECT_EQ(GradientsOf(group.leader()).count("loss"), 1u);
}

}  // namespace
}  // namespace trinity

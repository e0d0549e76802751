#include "model/model_group.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "kernels/best_logits.h"
#include "model/kv_cache.h"
#include "parallel/rank_lost.h"
#include "tests/support/golden.h"
#include "tests/support/quantized_checkpoint.h"
#include "tests/support/random_model.h"

// Several ranks that hold a part of the weights each compute what one does.

namespace trinity {
namespace {

std::vector<float> LogitsOf(const Checkpoint& checkpoint, const LoadOptions& load,
                            std::span<const int32_t> ids, const RunOptions& options = {}) {
  ModelGroup group(checkpoint, 1, load);
  return RunModel(group.leader(), ids, options);
}

LoadOptions On(const RankGrid& grid, ComputeMode compute = ComputeMode::kF32) {
  LoadOptions load;
  load.grid = grid;
  load.compute = compute;
  return load;
}

// Relative to the largest logit, where that is above 1.
double Difference(const std::vector<float>& logits, const std::vector<float>& expected) {
  double largest = 1;
  for (const float logit : expected) largest = std::max<double>(largest, std::abs(logit));
  return LargestDifference(logits, expected) / largest;
}

std::vector<int32_t> IdsOf(const std::string& golden) {
  return GoldenIds(Checkpoint::Open(golden), 0);
}

TEST(Ranks, AnyNumberOfThemComputesTheModelOfOneAndAlwaysTheSameBits) {
  for (const std::string& name : GoldenCases()) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    std::vector<int32_t> ids = IdsOf(GoldenFolder(name) + "/golden.safetensors");
    ids.resize(std::min<size_t>(ids.size(), 150));
    const std::vector<float> alone = LogitsOf(checkpoint, {}, ids);
    for (const int num_ranks : {2, 3, 4, 5, 8}) {
      SCOPED_TRACE(fmt::format("{} on {} ranks", name, num_ranks));
      const std::vector<float> logits = LogitsOf(checkpoint, On({num_ranks}), ids);
      ASSERT_EQ(logits.size(), alone.size());
      EXPECT_LE(Difference(logits, alone), 1e-5);
      if (num_ranks != 3) continue;
      EXPECT_EQ(LogitsOf(checkpoint, On({num_ranks}), ids, {.chunk = 7}), logits);
    }
  }
}

// The logits of 8 ranks in so many processes, for which threads stand.
std::vector<float> LogitsOfProcesses(int num_processes, const Checkpoint& checkpoint,
                                     const LoadOptions& load, std::span<const int32_t> ids) {
  ThreadRanks processes(num_processes);
  std::vector<std::thread> others;
  for (int process = 1; process < num_processes; ++process) {
    others.emplace_back(
        [&, process] { ModelGroup(checkpoint, 1, load, processes.Of(process)).Follow(); });
  }
  std::vector<float> logits;
  {
    ModelGroup group(checkpoint, 1, load, processes.Of(0));
    logits = RunModel(group.leader(), ids, {});
  }
  for (std::thread& other : others) other.join();
  return logits;
}

TEST(Ranks, AnyNumberOfProcessesThatHoldEightOfThemGivesTheSameBits) {
  for (const std::string name : {"base", "tp_awkward"}) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    const std::vector<int32_t> ids = IdsOf(GoldenFolder(name) + "/golden.safetensors");
    for (const ComputeMode compute : {ComputeMode::kF32, ComputeMode::kBF16}) {
      const LoadOptions load = On({8}, compute);
      const std::vector<float> expected = LogitsOf(checkpoint, load, ids);
      for (const int num_processes : {2, 4, 8}) {
        EXPECT_EQ(LogitsOfProcesses(num_processes, checkpoint, load, ids), expected)
            << name << " in " << num_processes << " processes";
      }
    }
  }
}

// More ranks than kv heads, heads, blocks of columns, or rows of the vocabulary in blocks of 32.
TEST(Ranks, SomeMayHoldNothing) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("tp_awkward"));
  const std::vector<int32_t> ids = IdsOf(GoldenFolder("tp_awkward") + "/golden.safetensors");
  EXPECT_LE(Difference(LogitsOf(checkpoint, On({13}), ids), LogitsOf(checkpoint, {}, ids)), 1e-5);
}

TEST(Ranks, ExpertsCanBeSharedOutWhole) {
  for (const std::string name : {"base", "tp_awkward"}) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    const std::vector<int32_t> ids = IdsOf(GoldenFolder(name) + "/golden.safetensors");
    const std::vector<float> alone = LogitsOf(checkpoint, {}, ids);
    for (const RankGrid& grid : {RankGrid{2, 2}, {3, 3}, {4, 2}, {8, 4}}) {
      SCOPED_TRACE(
          fmt::format("{} on {} ranks in {} groups", name, grid.num_ranks, grid.expert_groups));
      EXPECT_LE(Difference(LogitsOf(checkpoint, On(grid), ids), alone), 1e-5);
    }
  }
}

TEST(Ranks, SendNoMoreThanTheBestLogitsWhereThoseAreWanted) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  std::vector<int32_t> ids = IdsOf(GoldenFolder("base") + "/golden.safetensors");
  ids.resize(20);
  ModelGroup group(checkpoint, 1, On({3}));
  const Model& model = group.leader();
  KvPools pools(model.kv_shape(), DType::kF32);
  KvCache first(pools), second(pools);
  const auto logits_of = [&](std::optional<int64_t> num_best, KvCache& cache) {
    Step step;
    step.Add(cache, ids, 2, num_best);
    Activations a;
    model.Forward(step, a);
    return std::vector<float>(a.logits.values().begin(), a.logits.values().end());
  };
  const std::vector<float> all = logits_of(std::nullopt, first);
  const int64_t bytes_of_all = model.ranks().cost(Collective::kGather).bytes;
  const std::vector<float> best = logits_of(5, second);
  const int64_t bytes_of_best = model.ranks().cost(Collective::kGather).bytes - bytes_of_all;
  EXPECT_EQ(bytes_of_best, 2 * 5 * 8);
  const auto vocab_size = static_cast<size_t>(model.config().vocab_size);
  for (size_t row = 0; row < 2; ++row) {
    const std::span<const float> all_of_row = std::span(all).subspan(row * vocab_size, vocab_size);
    const std::span<const float> best_of_row =
        std::span(best).subspan(row * vocab_size, vocab_size);
    EXPECT_EQ(BestLogits(best_of_row, 5), BestLogits(all_of_row, 5));
    for (size_t id = 0; id < vocab_size; ++id) {
      if (std::isfinite(best_of_row[id])) {
        EXPECT_EQ(best_of_row[id], all_of_row[id]);
      }
    }
  }
}

// The error of all logits together: where two experts are nearly equal, another order of the same
// sum changes which is chosen, and single logits with it.
double MeanDifference(const std::vector<float>& logits, const std::vector<float>& expected) {
  double error = 0, size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(logits[i] - expected[i], 2);
    size += std::pow(expected[i], 2);
  }
  return std::sqrt(error / size);
}

TEST(Ranks, QuantizedWeightsAreCutBetweenBlocksOf32) {
  const TemporaryFolder folder;
  const std::vector<int32_t> ids = [] {
    std::vector<int32_t> all = IdsOf(TestData("goldens/pico/golden.safetensors"));
    all.resize(100);
    return all;
  }();
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const std::vector<DType> formats = {DType::kQ4_K, DType::kQ6_K,   DType::kQ8_0,
                                      DType::kQ3_K, DType::kIQ4_XS, DType::kQ4_0};
  const Checkpoint quantized = QuantizedCheckpoint(pico, formats, folder / "pico.gguf");
  for (const ComputeMode compute : {ComputeMode::kF32, ComputeMode::kInt8}) {
    const std::vector<float> alone = LogitsOf(quantized, On({1}, compute), ids);
    for (const int num_ranks : {2, 3, 5, 8}) {
      SCOPED_TRACE(num_ranks);
      const double difference =
          MeanDifference(LogitsOf(quantized, On({num_ranks}, compute), ids), alone);
      EXPECT_LE(difference, compute == ComputeMode::kF32 ? 1e-5 : 0.05);
    }
  }
}

// Sixteen of 64 ranks have no head. Heads of 16 values cannot be cut out of blocks of 32.
TEST(Ranks, FortyEightHeadsAreCutAmongUpTo64) {
  const std::string golden = SharedFolder() + "/goldens/heads_48";
  if (!std::filesystem::exists(golden)) GTEST_SKIP() << golden << " is not here";
  const TemporaryFolder folder;
  const Checkpoint checkpoint = Checkpoint::Open(golden);
  const std::vector<int32_t> ids = IdsOf(golden + "/golden.safetensors");
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Checkpoint rounded = QuantizedCheckpoint(checkpoint, {&dtype, 1},
                                                   folder / fmt::format("{}.gguf", NameOf(dtype)));
    const std::vector<float> alone = LogitsOf(rounded, {}, ids);
    for (const int num_ranks : {32, 48, 64}) {
      EXPECT_LE(Difference(LogitsOf(rounded, On({num_ranks}), ids), alone), 1e-5)
          << NameOf(dtype) << " on " << num_ranks << " ranks";
    }
  }
}

// A model of 48 heads whose columns are whole blocks of 32, of one dense layer and one with
// experts.
Json ConfigOf48Heads() {
  Json config = RandomConfig(0);
  config.update({{"hidden_size", 64},
                 {"num_hidden_layers", 2},
                 {"num_dense_layers", 1},
                 {"layer_types", {"sliding_attention", "full_attention"}},
                 {"num_attention_heads", 48},
                 {"num_key_value_heads", 8},
                 {"head_dim", 32},
                 {"intermediate_size", 96},
                 {"moe_intermediate_size", 64},
                 {"vocab_size", 320}});
  return config;
}

TEST(Ranks, FortyEightHeadsAreCutAmongUpTo64OfQuantizedWeightsToo) {
  const TemporaryFolder folder;
  const Checkpoint checkpoint = WriteRandomModel(48, folder / "model", ConfigOf48Heads());
  const Config config = Config::FromJson(checkpoint.config(), "");
  const std::vector<int32_t> ids = RandomIds(config, 48, 20);
  for (const DType dtype : {DType::kF32, DType::kQ8_0, DType::kQ4_0}) {
    const Checkpoint rounded = QuantizedCheckpoint(checkpoint, {&dtype, 1},
                                                   folder / fmt::format("{}.gguf", NameOf(dtype)));
    EXPECT_EQ(rounded.Find("model.layers.1.self_attn.o_proj.weight")->dtype, dtype);
    ModelGroup one(rounded, 1, On({1}));
    const ObservedRun alone = RunObserved(one.leader(), ids);
    ASSERT_GT(alone.choices.smallest_gap, kDecidedGap);
    for (const int num_ranks : {32, 48, 64}) {
      EXPECT_LE(Difference(LogitsOf(rounded, On({num_ranks}), ids), alone.logits), 1e-5)
          << NameOf(dtype) << " on " << num_ranks << " ranks";
    }
  }
}

TEST(Ranks, BFloat16RowsAreCutToo) {
  std::vector<int32_t> ids = IdsOf(TestData("goldens/pico/golden.safetensors"));
  ids.resize(100);
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const std::vector<float> alone = LogitsOf(pico, On({1}, ComputeMode::kBF16), ids);
  EXPECT_LE(MeanDifference(LogitsOf(pico, On({3}, ComputeMode::kBF16), ids), alone), 0.05);
}

int64_t MatrixBytes(const Checkpoint& checkpoint, ThreadPool& pool, const LoadOptions& options) {
  const Config config = Config::FromJson(checkpoint.config(), "");
  return Weights::Load(checkpoint, config, pool, options).matrix_memory.num_bytes();
}

TEST(Ranks, EachHoldsItsShareAndWhatAllHold) {
  ThreadPool pool(2);
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const Config config = Config::FromJson(pico.config(), "");
  const int64_t total = MatrixBytes(pico, pool, {});
  // Routers are whole everywhere; the last column block or head of a cut may be one too many.
  const int64_t num_moe = config.num_hidden_layers - config.num_dense_layers;
  const int64_t routers = num_moe * config.num_experts * config.hidden_size * 4;
  for (const RankGrid& grid : {RankGrid{2}, {4}, {4, 2}, {4, 4}}) {
    int64_t sum = 0;
    for (int rank = 0; rank < grid.num_ranks; ++rank) {
      LoadOptions options = On(grid);
      options.rank = rank;
      const int64_t bytes = MatrixBytes(pico, pool, options);
      EXPECT_LE(bytes, total / grid.num_ranks + routers + total / 20) << grid.num_ranks;
      sum += bytes;
    }
    EXPECT_GE(sum, total);
  }
}

TEST(Ranks, AFailureToLoadIsToldByTheRankThatHasIt) {
  const TemporaryFolder folder;
  // Heads of 16 columns cannot be cut apart in blocks of 32.
  const Checkpoint quantized = QuantizedCheckpoint(Checkpoint::Open(GoldenFolder("base")),
                                                   std::vector{DType::kQ8_0}, folder / "base.gguf");
  try {
    const ModelGroup group(quantized, 1, On({4}));
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("rank 0"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("use fewer ranks"), std::string::npos);
  }
}

LoadOptions OnTwoThatMayHang() {
  LoadOptions load = On({2});
  load.rank_patience = std::chrono::milliseconds(200);
  alarm(60);  // ends a process that waits for a thread that hangs
  return load;
}

// Memory that is out while a rank loads is nothing that the ranks agree on.
TEST(ModelGroup, ARankThatEndsWhileItLoadsEndsTheOthers) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  LoadOptions load = On({3});
  load.on_progress = [](const LoadProgress&) { throw std::bad_alloc(); };
  EXPECT_THROW(ModelGroup(checkpoint, 1, load), std::bad_alloc);
}

void Hang(int /*signal*/) {
  while (true) pause();
}

// The thread of rank 1 hangs, in a process that has no other beside the caller's.
void LoseAThreadThatHangs() {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  std::signal(SIGUSR1, Hang);
  ModelGroup group(checkpoint, 1, OnTwoThatMayHang());
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    const pid_t thread = std::stoi(entry.path().filename().string());
    if (thread != getpid()) syscall(SYS_tgkill, getpid(), thread, SIGUSR1);
  }
  try {
    RunModel(group.leader(), std::vector<int32_t>{1, 2, 3}, {});
  } catch (const RankLost&) {
  }
}

TEST(RanksDeathTest, AThreadThatHangsDoesNotKeepTheProcess) {
  EXPECT_EXIT(LoseAThreadThatHangs(), testing::ExitedWithCode(1),
              "trinity: rank 1 did not answer for 0.2 s; the thread of rank 1 did not hear of it "
              "for 0.2 s");
}

void HangOnRank0() {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  ModelGroup group(checkpoint, 1, OnTwoThatMayHang());
  KvPools pools(group.leader().kv_shape(), DType::kF32);
  KvCache cache(pools);
  Step step;
  step.Add(cache, std::vector<int32_t>{1, 2, 3}, 1);
  step.on_stream = [](int64_t, const Matrix&, const Activations&) { Hang(0); };
  Activations activations;
  group.leader().Forward(step, activations);
}

TEST(RanksDeathTest, Rank0DoesNotKeepItEither) {
  EXPECT_EXIT(HangOnRank0(), testing::ExitedWithCode(1),
              "trinity: rank 0 did not answer for 0.2 s; the thread of rank 0 did not hear of it "
              "for 0.2 s");
}

void HangWhileLoading() {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  LoadOptions load = OnTwoThatMayHang();
  load.on_progress = [](const LoadProgress&) { Hang(0); };
  const ModelGroup group(checkpoint, 1, load);
}

TEST(RanksDeathTest, NorWhileItLoads) {
  EXPECT_EXIT(HangWhileLoading(), testing::ExitedWithCode(1),
              "trinity: rank 0 did not answer for [0-9.]+ s; the thread of rank 0 did not hear of "
              "it for 0.2 s");
}

}  // namespace
}  // namespace trinity

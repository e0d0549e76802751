#include "plan/run_plan.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/thread_pool.h"
#include "convert/preset_config.h"
#include "model/weights.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

struct Preset {
  explicit Preset(std::string_view name, std::string_view type)
      : config(Config::FromJson(PresetConfig(name), std::string(name))),
        tensors(PlanTensors(config, type)) {}

  RankMemory Plan(const RunShape& shape) const { return PlanRun(config, tensors, shape); }

  Config config;
  std::vector<PlannedTensor> tensors;
};

RunShape ShapeOf(int64_t context, int num_ranks = 1) {
  RunShape shape;
  shape.context = context;
  shape.ranks.num_ranks = num_ranks;
  return shape;
}

TEST(RunPlan, LargeInBFloat16Needs64RanksOf24Gigabytes) {
  constexpr int64_t kMemory = 24'000'000'000;
  const Preset large("large", "bf16");
  EXPECT_NEAR(static_cast<double>(large.Plan(ShapeOf(30720)).weight_bytes()), 797e9, 1e9);
  const RankMemory at_32 = large.Plan(ShapeOf(30720, 32));
  EXPECT_GT(at_32.weight_bytes(), kMemory);
  EXPECT_NEAR(static_cast<double>(at_32.weight_bytes()), 25.1e9, 0.3e9);
  EXPECT_LE(large.Plan(ShapeOf(30720, 64)).total(), kMemory);
}

TEST(RunPlan, NanoInBFloat16Fits16Gigabytes) {
  EXPECT_LE(Preset("nano", "bf16").Plan(ShapeOf(4096)).total(), 16'000'000'000);
}

// One kind of matrix a rank may have one unit of 32 columns, one head or one panel more than its
// even share.
TEST(RunPlan, ARankHoldsItsShareAndWhatIsReplicated) {
  for (const char* name : {"nano", "mini"}) {
    const Preset preset(name, "bf16");
    const int64_t whole = preset.Plan(ShapeOf(1024)).weight_bytes();
    for (const int num_ranks : {2, 4, 8}) {
      const RankMemory memory = preset.Plan(ShapeOf(1024, num_ranks));
      const int64_t replicated = memory.weights[static_cast<size_t>(ParameterClass::kRouter)] +
                                 memory.weights[static_cast<size_t>(ParameterClass::kNorms)] +
                                 memory.weights[static_cast<size_t>(ParameterClass::kAttention)];
      EXPECT_LE(memory.weight_bytes(), whole / num_ranks + replicated) << name << num_ranks;
    }
  }
}

TEST(RunPlan, WeightsOfACheckpointAreWhatLoadingTakes) {
  ThreadPool pool(1);
  for (const std::string& name : GoldenCases()) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    const Config config = Config::FromJson(checkpoint.config(), name);
    const Weights weights = Weights::Load(checkpoint, config, pool);
    int64_t matrix_bytes = 0;
    for (const PlannedTensor& tensor : PlanTensors(config, checkpoint)) {
      if (!tensor.is_matrix) continue;
      matrix_bytes += tensor.count * tensor.ResidentBytes(config, SliceOf(config, {1}, 0));
    }
    const auto held = static_cast<double>(weights.matrix_memory.num_bytes());
    EXPECT_NEAR(static_cast<double>(matrix_bytes), held, 0.02 * held) << name;
  }
}

// Of the rank that holds most, in one group of ranks that cut each expert and in several.
TEST(RunPlan, WeightsOfRanksAreWhatLoadingTakes) {
  ThreadPool pool(1);
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  const Config config = Config::FromJson(checkpoint.config(), "base");
  const std::vector<PlannedTensor> tensors = PlanTensors(config, checkpoint);
  for (const RankGrid& grid : {RankGrid{2, 1}, {2, 2}, {4, 2}, {4, 4}, {6, 3}}) {
    RunShape shape = ShapeOf(64);
    shape.ranks = grid;
    LoadOptions options;
    options.grid = grid;
    int64_t most = 0;
    for (options.rank = 0; options.rank < grid.num_ranks; ++options.rank) {
      most = std::max(most, Weights::Load(checkpoint, config, pool, options).num_bytes());
    }
    const auto planned = static_cast<double>(PlanRun(config, tensors, shape).weight_bytes());
    EXPECT_NEAR(planned, static_cast<double>(most), 0.02 * static_cast<double>(most))
        << grid.num_ranks << " ranks in " << grid.expert_groups << " groups";
  }
}

TEST(RunPlan, ExpertsInGroupsAreSharedOut) {
  const Preset nano("nano", "bf16");
  const auto experts_of = [&](const RankGrid& grid) {
    RunShape shape = ShapeOf(1024);
    shape.ranks = grid;
    return nano.Plan(shape).weights[static_cast<size_t>(ParameterClass::kRoutedExperts)];
  };
  // 256 columns are 8 blocks of 32: of 16 ranks that cut each expert some have one, others none.
  const int64_t whole = experts_of({1, 1});
  EXPECT_EQ(experts_of({16, 1}), whole / 8);
  EXPECT_EQ(experts_of({16, 2}), whole / 16);
  EXPECT_EQ(experts_of({16, 16}), whole / 16);
  // A step is expected to read as much either way.
  RunShape shape = ShapeOf(1024);
  shape.ranks = {8, 1};
  const double cut = DecodeWork(nano.config, nano.tensors, shape).bytes;
  shape.ranks = {8, 8};
  EXPECT_NEAR(DecodeWork(nano.config, nano.tensors, shape).bytes, cut, 0.01 * cut);
}

TEST(RunPlan, ABackwardPassTakesGradientsAndWhatIsKept) {
  const Preset nano("nano", "bf16");
  RunShape shape = ShapeOf(1024);
  const RankMemory forward = nano.Plan(shape);
  EXPECT_EQ(forward.backward, 0);
  shape.backward_rows = 1024;
  const RankMemory memory = nano.Plan(shape);
  // Float32 gradients are twice the weights.
  EXPECT_GT(memory.backward, 2 * forward.weight_bytes());
  EXPECT_EQ(memory.total(), forward.total() + memory.backward);
  // All gradients of a few rows in the end; what all layers keep of many rows at the beginning, 56
  // layers of some 17,000 numbers a token, and 200,192 logits.
  shape.backward_rows = 16384;
  const int64_t of_many = nano.Plan(shape).backward;
  shape.backward_rows = 32768;
  const auto more = static_cast<double>(nano.Plan(shape).backward - of_many);
  EXPECT_NEAR(more, 16384.0 * 4 * (56 * 17e3 + 200192), 0.25 * more);
  shape.backward_rows = 1024;
  shape.ranks.num_ranks = 8;
  // The embeddings are taken together on rank 0.
  EXPECT_LT(nano.Plan(shape).backward, memory.backward / 3);
}

TEST(RunPlan, TypesTakeTheirFilesSize) {
  // Sizes of the GGUF files that llama.cpp writes of this shape; packed, at most 4% more.
  for (const auto& [type, bytes] : {std::pair{"q8_0", 6.51e9}, {"bf16", 12.24e9}}) {
    const double planned =
        static_cast<double>(Preset("nano", type).Plan(ShapeOf(1024)).weight_bytes());
    EXPECT_GE(planned, 0.99 * bytes) << type;
    EXPECT_LE(planned, 1.04 * bytes) << type;
  }
}

TEST(RunPlan, SlidingLayersStopGrowingAtTheirWindow) {
  const Preset nano("nano", "q4_0");
  const RankMemory at_8k = nano.Plan(ShapeOf(8192)), at_128k = nano.Plan(ShapeOf(131072));
  EXPECT_EQ(at_8k.kv_sliding, at_128k.kv_sliding);
  EXPECT_NEAR(static_cast<double>(at_128k.kv_full), 16.0 * static_cast<double>(at_8k.kv_full),
              64e6 * 16);
  // 14 full layers, 2 kv heads of 128 dimensions, keys and values in float32.
  EXPECT_NEAR(static_cast<double>(at_128k.kv_full), 131072.0 * 14 * 2 * 2 * 128 * 4, 33e6);
}

TEST(RunPlan, TheLargestContextIsTheLastThatFits) {
  const Preset nano("nano", "bf16");
  const int64_t memory = 16'000'000'000;
  const int64_t largest = LargestContext(nano.config, nano.tensors, ShapeOf(1), memory);
  ASSERT_GT(largest, 0);
  ASSERT_LT(largest, nano.config.max_position_embeddings);
  EXPECT_LE(nano.Plan(ShapeOf(largest)).total(), memory);
  EXPECT_GT(nano.Plan(ShapeOf(largest + 64)).total(), memory);
  EXPECT_EQ(LargestContext(nano.config, nano.tensors, ShapeOf(1), 1'000'000), 0);
  EXPECT_EQ(LargestContext(nano.config, nano.tensors, ShapeOf(1), int64_t{1} << 40),
            nano.config.max_position_embeddings);
}

TEST(RunPlan, AStepReadsActiveWeightsAndVisibleKeysAndValues) {
  const Preset nano("nano", "bf16");
  RunShape shape = ShapeOf(8192);
  shape.kv_dtype = DType::kF16;
  const double active =
      static_cast<double>(PlanWeights(nano.config, DType::kBF16).Total().active_bytes);
  const double kv = static_cast<double>(PlanKv(nano.config, DType::kF16, 8192).total());
  EXPECT_NEAR(DecodeWork(nano.config, nano.tensors, shape).bytes, active + kv, 0.01 * active);
  // 16 sequences touch 82 of 128 experts, and each has its own keys and values.
  shape.num_sequences = 16;
  const double all = static_cast<double>(nano.Plan(shape).weight_bytes());
  EXPECT_GT(DecodeWork(nano.config, nano.tensors, shape).bytes, 0.5 * all + 16 * kv);
  EXPECT_LT(DecodeWork(nano.config, nano.tensors, shape).bytes, all + 16 * kv);
}

TEST(RunPlan, PrefillComputesActiveWeightsForEveryRowAndReadsAllExperts) {
  const Preset nano("nano", "bf16");
  const StepWork work = PrefillWork(nano.config, nano.tensors, ShapeOf(8192));
  const WeightCount total = PlanWeights(nano.config, DType::kBF16).Total();
  // All but the head, 0.2 B parameters, of which one row is asked for.
  const double active = static_cast<double>(total.active_parameters) - 0.205e9;
  EXPECT_GT(work.ops, 2 * 512 * active);
  EXPECT_LT(work.ops, 1.6 * 2 * 512 * active);  // attention to 4,096 tokens
  EXPECT_NEAR(work.bytes, static_cast<double>(total.bytes),
              0.06 * static_cast<double>(total.bytes));
}

TEST(RunPlan, RefusesACacheTypeThatHeadsDoNotFit) {
  Preset nano("nano", "bf16");
  nano.config.head_dim = 24;
  RunShape shape = ShapeOf(64);
  shape.kv_dtype = DType::kQ8_0;
  EXPECT_THROW(nano.Plan(shape), Error);
}

}  // namespace
}  // namespace trinity

#include "model/expert_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "model/model_group.h"
#include "tests/support/golden.h"
#include "tests/support/quantized_checkpoint.h"

// A model whose experts stay in files computes what it computes with all of them in memory.

namespace trinity {
namespace {

using testing::HasSubstr;

// Bytes that hold so many experts of float32, and more of other types.
LoadOptions WithRoomFor(int64_t num_experts, const Checkpoint& checkpoint) {
  const Config config = Config::FromJson(checkpoint.config(), "");
  const auto whole_panels = [](int64_t n) {
    return (n + kPanelRows - 1) / kPanelRows * kPanelRows;
  };
  LoadOptions options;
  options.expert_cache_bytes = num_experts * 3 * 4 * whole_panels(config.hidden_size) *
                               whole_panels(config.moe_intermediate_size);
  return options;
}

std::vector<int32_t> PicoIds(size_t count) {
  std::vector<int32_t> ids =
      GoldenIds(Checkpoint::Open(TestData("goldens/pico/golden.safetensors")), 0);
  ids.resize(count);
  return ids;
}

// `path` as a copy that a test may spoil.
std::string CopyOf(const std::string& folder, const TemporaryFolder& to) {
  for (const char* file : {"model.safetensors", "config.json"}) {
    std::filesystem::copy_file(folder + "/" + file, to / file);
  }
  return to.path();
}

TEST(ExpertStore, BlockFormatsGiveTheBitsOfMemory) {
  const TemporaryFolder folder;
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const std::vector<DType> formats = {DType::kQ4_0,  DType::kQ4_1, DType::kQ5_0,   DType::kQ5_1,
                                      DType::kQ8_0,  DType::kQ2_K, DType::kQ3_K,   DType::kQ4_K,
                                      DType::kQ5_K,  DType::kQ6_K, DType::kIQ4_NL, DType::kIQ4_XS,
                                      DType::kMXFP4, DType::kF16};
  const Checkpoint quantized = QuantizedCheckpoint(pico, formats, folder / "pico.gguf");
  const std::vector<int32_t> ids = PicoIds(40);
  ThreadPool pool(3);
  for (const ComputeMode compute : {ComputeMode::kF32, ComputeMode::kInt8}) {
    LoadOptions options;
    options.compute = compute;
    const std::vector<float> logits = RunModel(*Model::Load(quantized, pool, options), ids);
    options.expert_cache_bytes = WithRoomFor(1, quantized).expert_cache_bytes;
    const auto model = Model::Load(quantized, pool, options);
    EXPECT_EQ(RunModel(*model, ids, {.chunk = 7}), logits);
    EXPECT_GT(model->weights().expert_store->traffic().read, 100);
  }
}

TEST(ExpertStore, RanksThatHoldAPartOfEachExpertOrWholeOnesHaveStoresOfTheirOwn) {
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  const std::vector<int32_t> ids =
      GoldenIds(Checkpoint::Open(GoldenFolder("base") + "/golden.safetensors"), 0);
  for (const RankGrid& grid : {RankGrid{2}, {3}, {4, 2}, {2, 2}}) {
    LoadOptions options;
    options.grid = grid;
    std::vector<float> logits;
    {
      ModelGroup group(base, 1, options);
      logits = RunModel(group.leader(), ids);
    }
    options.expert_cache_bytes = WithRoomFor(1, base).expert_cache_bytes;
    ModelGroup group(base, 1, options);
    EXPECT_EQ(RunModel(group.leader(), ids), logits);
    EXPECT_GT(group.leader().weights().expert_store->traffic().read, 0);
  }
}

TEST(ExpertStore, ReadsWhatIsChosenOnceWhileThereIsRoomForAll) {
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const Config config = Config::FromJson(pico.config(), "");
  const int64_t all = config.num_experts * (config.num_hidden_layers - config.num_dense_layers);
  ThreadPool pool(2);
  const auto model = Model::Load(pico, pool, WithRoomFor(all, pico));
  const ExpertTraffic& traffic = model->weights().expert_store->traffic();
  const std::vector<int32_t> ids = PicoIds(100);
  RunModel(*model, ids);
  const ExpertTraffic first = traffic;
  EXPECT_GT(first.read, 0);
  EXPECT_EQ(first.read, first.asked);
  EXPECT_EQ(first.hit_rate(), 0);
  // Of BF16 weights.
  EXPECT_EQ(first.bytes_read,
            first.read * 3 * 2 * config.hidden_size * config.moe_intermediate_size);
  RunModel(*model, ids);
  EXPECT_EQ(traffic.read, first.read);
  EXPECT_EQ(traffic.bytes_read, first.bytes_read);
  EXPECT_EQ(traffic.asked, 2 * first.asked);
  EXPECT_EQ(traffic.hit_rate(), 0.5);
}

TEST(ExpertStore, HoldsAsManyAsThereIsRoomForAndTakesTheDataOfTheOthersAway) {
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  ThreadPool pool(2);
  const Weights weights =
      Weights::Load(base, Config::FromJson(base.config(), ""), pool, WithRoomFor(2, base));
  ExpertStore& store = *weights.expert_store;
  const LayerWeights& layer = *std::find_if(weights.layers.begin(), weights.layers.end(),
                                            [](const LayerWeights& l) { return l.moe; });
  const auto held = [&] {
    std::vector<int32_t> experts;
    for (size_t e = 0; e < layer.moe->experts.size(); ++e) {
      const MlpWeights& mlp = layer.moe->experts[e];
      const bool has_data = mlp.down_proj.data != nullptr;
      EXPECT_EQ(mlp.gate_proj.data != nullptr, has_data);
      EXPECT_EQ(mlp.up_proj.data != nullptr, has_data);
      if (has_data) experts.push_back(static_cast<int32_t>(e));
    }
    return experts;
  };
  EXPECT_EQ(held(), (std::vector<int32_t>{}));
  EXPECT_EQ(store.Hold(0, std::vector<int32_t>{0, 1, 3}), 2);
  EXPECT_EQ(held(), (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(store.Hold(0, std::vector<int32_t>{3}), 1);
  EXPECT_EQ(held(), (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(store.Hold(1, std::vector<int32_t>{1, 3}), 2);
  EXPECT_EQ(held(), (std::vector<int32_t>{}));
  EXPECT_EQ(store.untouched_bytes(), 0);
}

TEST(ExpertStore, NeedsRoomForOneExpert) {
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  ThreadPool pool(1);
  LoadOptions options;
  options.expert_cache_bytes = 1000;
  try {
    Model::Load(base, pool, options);
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("of one expert, found 1000"));
  }
}

TEST(ExpertStore, AFileThatIsCutOffWhileTheModelRunsIsAStorageErrorAndNothingIsAppended) {
  const TemporaryFolder folder;
  const Checkpoint checkpoint = Checkpoint::Open(CopyOf(PicoFolder(), folder));
  const std::string file = folder / "model.safetensors";
  const auto size = std::filesystem::file_size(file);
  const std::vector<int32_t> ids = PicoIds(30);
  ThreadPool pool(2);
  const auto model = Model::Load(checkpoint, pool, WithRoomFor(8, checkpoint));
  const std::vector<float> logits = RunModel(*model, ids);
  std::filesystem::resize_file(file, 1 << 20);
  KvPools pools(model->kv_shape(), DType::kF32);
  KvCache cache(pools);
  Activations activations;
  Step step;
  step.Add(cache, ids, 1);
  try {
    model->Forward(step, activations);
    FAIL() << "expected a StorageError";
  } catch (const StorageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(file));
    EXPECT_THAT(error.what(), HasSubstr("expected " + std::to_string(size) +
                                        " bytes in the file, found 1048576"));
  }
  EXPECT_EQ(cache.length(), 0);
  // What could not be read is not taken for read, once the file is whole again.
  std::filesystem::copy_file(std::string(PicoFolder()) + "/model.safetensors", folder / "whole");
  std::filesystem::copy_file(folder / "whole", file,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(RunModel(*model, ids), logits);
}

TEST(ExpertStore, AFileThatIsCutOffEndsAllRanks) {
  const TemporaryFolder folder;
  const Checkpoint checkpoint = Checkpoint::Open(CopyOf(PicoFolder(), folder));
  LoadOptions options = WithRoomFor(1, checkpoint);
  options.grid.num_ranks = 2;
  ModelGroup group(checkpoint, 1, options);
  std::filesystem::resize_file(folder / "model.safetensors", 1 << 20);
  try {
    RunModel(group.leader(), PicoIds(30));
    FAIL() << "expected an Error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("bytes in the file, found 1048576"));
  }
}

}  // namespace
}  // namespace trinity

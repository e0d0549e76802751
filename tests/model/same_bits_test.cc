#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "model/model_group.h"
#include "tests/support/golden.h"
#include "tests/support/quantized_checkpoint.h"

// A sequence's logits are the same to the bit however it is computed. The cases have widths that
// are whole vectors (pico) and widths that leave tails everywhere (tp_awkward), windows that are
// passed many times (long) and every kind of layer.

namespace trinity {
namespace {

struct Case {
  std::string name;
  std::string folder;
  std::string golden;
  int64_t num_tokens;
  ComputeMode compute = ComputeMode::kF32;
  std::vector<DType> block_formats = {};  // that matrices are rounded to, in turn
  std::optional<int64_t> expert_cache_bytes = {};
};

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"pico", PicoFolder(), TestData("goldens/pico/golden.safetensors"), 330},
      {"tp_awkward", GoldenFolder("tp_awkward"), GoldenFolder("tp_awkward") + "/golden.safetensors",
       40},
      {"tied", GoldenFolder("tied"), GoldenFolder("tied") + "/golden.safetensors", 40},
      {"tp_awkward_in_files",
       GoldenFolder("tp_awkward"),
       GoldenFolder("tp_awkward") + "/golden.safetensors",
       40,
       ComputeMode::kF32,
       {},
       100'000},
      {"long", GoldenFolder("long"), GoldenFolder("long") + "/golden.safetensors", 700},
      {"pico_bf16", PicoFolder(), TestData("goldens/pico/golden.safetensors"), 200,
       ComputeMode::kBF16},
      {"pico_int8",
       PicoFolder(),
       TestData("goldens/pico/golden.safetensors"),
       200,
       ComputeMode::kInt8,
       {DType::kQ8_0, DType::kQ4_0, DType::kQ6_K}},
      {"base_int8",
       GoldenFolder("base"),
       GoldenFolder("base") + "/golden.safetensors",
       40,
       ComputeMode::kInt8,
       {DType::kQ8_0, DType::kQ4_1, DType::kQ5_0, DType::kIQ4_NL, DType::kMXFP4, DType::kF16}}};
  return cases;
}

// Root mean square of what differs, relative to the logits. Of single logits no bound holds: where
// two experts are nearly equal, any rounding changes which is chosen.
double RelativeError(const std::vector<float>& rounded, const std::vector<float>& exact) {
  double error = 0, size = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += std::pow(exact[i] - rounded[i], 2);
    size += std::pow(exact[i], 2);
  }
  return std::sqrt(error / size);
}

constexpr double kLargestRoundingError = 0.15;

void ExpectSameSideBySide(const Model& model, const std::vector<int32_t>& ids) {
  std::vector<PacedSequence> sequences;
  for (const int64_t chunk : {17, 1, 40}) {
    const auto begin = static_cast<ptrdiff_t>(5 * sequences.size());
    sequences.push_back({{ids.begin() + begin, ids.end()}, chunk});
  }
  const std::vector<std::vector<float>> together = RunSideBySide(model, sequences);
  for (size_t i = 0; i < sequences.size(); ++i) {
    EXPECT_EQ(together[i], RunModel(model, sequences[i].ids)) << sequences[i].chunk;
  }
}

class SameBits : public testing::TestWithParam<Case> {
 protected:
  SameBits() : checkpoint_(Checkpoint::Open(GetParam().folder)) {
    load_.compute = GetParam().compute;
    load_.expert_cache_bytes = GetParam().expert_cache_bytes;
    if (!GetParam().block_formats.empty()) {
      checkpoint_ = QuantizedCheckpoint(checkpoint_, GetParam().block_formats, folder_ / "m.gguf");
    }
    ids_ = GoldenIds(Checkpoint::Open(GetParam().golden), 0);
    ids_.resize(std::min(ids_.size(), static_cast<size_t>(GetParam().num_tokens)));
  }

  std::vector<float> Run(int num_threads, const RunOptions& options) {
    std::unique_ptr<ThreadPool>& pool = pools_[num_threads];
    if (!pool) {
      pool = std::make_unique<ThreadPool>(num_threads);
      models_[num_threads] = Model::Load(checkpoint_, *pool, load_);
    }
    return RunModel(*models_[num_threads], ids_, options);
  }

  // Block formats are cut between blocks of 32 columns, and so between heads of as many.
  bool CanBeCut() const {
    if (GetParam().block_formats.empty()) return true;
    return Config::FromJson(checkpoint_.config(), "").head_dim % kCutCols == 0;
  }

  TemporaryFolder folder_;
  Checkpoint checkpoint_;
  LoadOptions load_;
  std::vector<int32_t> ids_;
  std::map<int, std::unique_ptr<ThreadPool>> pools_;
  std::map<int, std::unique_ptr<Model>> models_;
};

TEST_P(SameBits, ForAnyPrefillChunkAndTokenByToken) {
  for (const DType kv_dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    if (!IsKvDType(kv_dtype, Config::FromJson(checkpoint_.config(), "").head_dim)) continue;
    const std::vector<float> whole = Run(2, {.kv_dtype = kv_dtype});
    EXPECT_TRUE(std::all_of(whole.begin(), whole.end(), [](float x) { return std::isfinite(x); }));
    for (const int64_t chunk : {1, 3, 64, 100}) {
      EXPECT_EQ(Run(2, {chunk, kv_dtype}), whole) << chunk << " " << NameOf(kv_dtype);
    }
  }
}

TEST_P(SameBits, ForAnyNumberOfThreads) {
  for (const int64_t chunk : {1, 7, 128}) {
    const std::vector<float> one = Run(1, {chunk, DType::kF32});
    EXPECT_EQ(Run(2, {chunk, DType::kF32}), one) << chunk;
    EXPECT_EQ(Run(4, {chunk, DType::kF32}), one) << chunk;
  }
}

// With bfloat16 attention, where the CPU gains by it.
TEST_P(SameBits, InReducedPrecisionToo) {
  ThreadPool pool(2), single(1);
  const auto model = Model::Load(checkpoint_, pool, {.compute = ComputeMode::kBF16});
  const auto exact_model = Model::Load(checkpoint_, pool);
  const auto on_one_thread = Model::Load(checkpoint_, single, {.compute = ComputeMode::kBF16});
  for (const DType kv_dtype : {DType::kF16, DType::kBF16}) {
    const std::vector<float> whole = RunModel(*model, ids_, {.kv_dtype = kv_dtype});
    for (const int64_t chunk : {1, 7, 100}) {
      EXPECT_EQ(RunModel(*model, ids_, {chunk, kv_dtype}), whole) << chunk;
    }
    EXPECT_EQ(RunModel(*on_one_thread, ids_, {100, kv_dtype}), whole);
    const std::vector<float> exact = RunModel(*exact_model, ids_, {.kv_dtype = kv_dtype});
    EXPECT_LT(RelativeError(whole, exact), kLargestRoundingError);
  }
}

// Experts that stay in files, with memory for one of the largest, for a few, and for all.
TEST_P(SameBits, WhereverExpertsAre) {
  ids_.resize(std::min<size_t>(ids_.size(), 60));
  const Config config = Config::FromJson(checkpoint_.config(), "");
  const int64_t expert_bytes =
      3 * 4 * (config.hidden_size + kPanelRows) * (config.moe_intermediate_size + kPanelRows);
  LoadOptions load = load_;
  load.expert_cache_bytes.reset();
  ThreadPool two_threads(2);
  const std::vector<float> in_memory = RunModel(*Model::Load(checkpoint_, two_threads, load), ids_);
  struct Place {
    int64_t num_experts;
    int num_threads;
    int64_t chunk;
  };
  for (const Place& place : {Place{1, 3, 17}, {5, 2, 1}, {5, 1, 60}, {1000, 2, 25}}) {
    load.expert_cache_bytes = place.num_experts * expert_bytes;
    ThreadPool pool(place.num_threads);
    const auto model = Model::Load(checkpoint_, pool, load);
    EXPECT_EQ(RunModel(*model, ids_, {.chunk = place.chunk}), in_memory) << place.num_experts;
    EXPECT_GT(model->weights().expert_store->traffic().read, 0);
  }
}

// Three sequences that advance at different paces in the same steps.
TEST_P(SameBits, AloneAndBesideOtherSequences) {
  ThreadPool pool(2);
  ExpectSameSideBySide(*Model::Load(checkpoint_, pool, load_), ids_);
}

// Experts cut, and shared out whole.
TEST_P(SameBits, AloneAndBesideOtherSequencesOnSeveralRanks) {
  if (!CanBeCut()) return;
  ids_.resize(std::min<size_t>(ids_.size(), 60));
  for (const RankGrid& grid : {RankGrid{3}, {4, 2}}) {
    SCOPED_TRACE(grid.num_ranks);
    LoadOptions load = load_;
    load.grid = grid;
    ModelGroup group(checkpoint_, 1, load);
    ExpectSameSideBySide(group.leader(), ids_);
  }
}

// What rounding activations to int8 or BF16 changes is far below what the logits say.
TEST_P(SameBits, ARoundedModeStaysNearFloat32) {
  if (GetParam().compute == ComputeMode::kF32) return;
  ThreadPool pool(2);
  const double error = RelativeError(Run(2, {}), RunModel(*Model::Load(checkpoint_, pool), ids_));
  EXPECT_LT(error, kLargestRoundingError);
  EXPECT_GT(error, 0);
}

INSTANTIATE_TEST_SUITE_P(All, SameBits, testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace trinity

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include <filesystem>

// The forward pass against logits, hidden states, router choices and greedy continuations that
// transformers computed (tests/data/goldens).

namespace trinity {
namespace {

struct Golden {
  explicit Golden(const std::string& folder)
      : pool(2),
        checkpoint(Checkpoint::Open(folder)),
        model(Model::Load(checkpoint, pool)),
        golden(Checkpoint::Open(folder + "/golden.safetensors")) {}

  int64_t num_sequences() const { return golden.Find("input_ids")->shape[0]; }
  int64_t num_tokens() const { return golden.Find("input_ids")->shape[1]; }

  ThreadPool pool;
  Checkpoint checkpoint;
  std::unique_ptr<Model> model;
  Checkpoint golden;
};

double ToleranceFor(const Golden& g) { return g.num_tokens() > 1000 ? 5e-4 : 1e-4; }

// The last `count` rows of sequence `sequence` of a tensor [.., B, rows, size].
std::span<const float> RowsOf(const std::vector<float>& values, int64_t sequence, int64_t rows,
                              int64_t size) {
  return std::span(values).subspan(static_cast<size_t>(sequence * rows * size),
                                   static_cast<size_t>(rows * size));
}

void ExpectLogits(const Golden& g) {
  const std::vector<float> expected = ReadTensor<float>(g.golden, "logits");
  const int64_t rows = g.golden.Find("logits")->shape[1];
  const int64_t vocab_size = g.model->config().vocab_size;
  for (int64_t sequence = 0; sequence < g.num_sequences(); ++sequence) {
    const std::vector<float> logits = RunModel(*g.model, GoldenIds(g.golden, sequence));
    const auto last = std::span(logits).last(static_cast<size_t>(rows * vocab_size));
    EXPECT_LE(LargestDifference(last, RowsOf(expected, sequence, rows, vocab_size)),
              ToleranceFor(g));
  }
}

class GoldenCase : public testing::TestWithParam<std::string> {};

TEST_P(GoldenCase, LogitsAgreeWithTransformers) { ExpectLogits(Golden(GoldenFolder(GetParam()))); }

TEST_P(GoldenCase, HiddenStatesAgreeLayerByLayer) {
  const Golden g(GoldenFolder(GetParam()));
  if (g.golden.Find("hidden") == nullptr) return;
  const std::vector<float> expected = ReadTensor<float>(g.golden, "hidden");
  const int64_t rows = g.golden.Find("hidden")->shape[2], hidden = g.model->config().hidden_size;
  KvPools pools(g.model->kv_shape(), DType::kF32);
  Activations activations;
  for (int64_t sequence = 0; sequence < g.num_sequences(); ++sequence) {
    KvCache cache(pools);
    Step step;
    step.Add(cache, GoldenIds(g.golden, sequence), 0);
    int64_t num_seen = 0;
    step.on_stream = [&](int64_t index, const Matrix& stream, const Activations&) {
      const std::span<const float> last(stream.Row(stream.rows() - rows),
                                        static_cast<size_t>(rows * hidden));
      EXPECT_LE(LargestDifference(
                    last, RowsOf(expected, index * g.num_sequences() + sequence, rows, hidden)),
                ToleranceFor(g))
          << "after layer " << index;
      ++num_seen;
    };
    g.model->Forward(step, activations);
    EXPECT_EQ(num_seen, g.model->config().num_hidden_layers + 1);
  }
}

TEST_P(GoldenCase, RouterChoosesTheSameExpertsWhereTheGapIsClear) {
  const Golden g(GoldenFolder(GetParam()));
  if (g.golden.Find("router_experts") == nullptr) return;
  const std::vector<int32_t> expected = ReadTensor<int32_t>(g.golden, "router_experts");
  const std::vector<float> gaps = ReadTensor<float>(g.golden, "router_gap");
  const auto k = static_cast<size_t>(g.model->config().num_experts_per_tok);
  const auto tokens = static_cast<size_t>(g.num_tokens());
  KvPools pools(g.model->kv_shape(), DType::kF32);
  Activations activations;
  for (int64_t sequence = 0; sequence < g.num_sequences(); ++sequence) {
    KvCache cache(pools);
    Step step;
    step.Add(cache, GoldenIds(g.golden, sequence), 0);
    step.on_stream = [&](int64_t index, const Matrix&, const Activations& a) {
      const int64_t moe_layer = index - 1 - g.model->config().num_dense_layers;
      if (moe_layer < 0) return;
      const auto first = static_cast<size_t>(moe_layer * g.num_sequences() + sequence) * tokens;
      for (size_t t = 0; t < tokens; ++t) {
        if (gaps[first + t] < 1e-5F) continue;
        std::vector<int32_t> want(expected.begin() + static_cast<ptrdiff_t>((first + t) * k),
                                  expected.begin() + static_cast<ptrdiff_t>((first + t + 1) * k));
        std::vector<int32_t> got(a.routing.experts.begin() + static_cast<ptrdiff_t>(t * k),
                                 a.routing.experts.begin() + static_cast<ptrdiff_t>((t + 1) * k));
        std::sort(want.begin(), want.end());
        std::sort(got.begin(), got.end());
        ASSERT_EQ(got, want) << "MoE layer " << moe_layer << ", position " << t;
      }
    };
    g.model->Forward(step, activations);
  }
}

TEST_P(GoldenCase, GreedyContinuationIsEqual) {
  const Golden g(GoldenFolder(GetParam()));
  if (g.golden.Find("greedy") == nullptr) return;
  const std::vector<int64_t> expected = ReadTensor<int64_t>(g.golden, "greedy");
  const int64_t num_steps = g.golden.Find("greedy")->shape[1];
  const int64_t prompt_length = ReadTensor<int64_t>(g.golden, "greedy_prompt_length").front();
  KvPools pools(g.model->kv_shape(), DType::kF32, FreedPages::kFillWithNan);
  for (int64_t sequence = 0; sequence < g.num_sequences(); ++sequence) {
    KvCache cache(pools);
    Activations activations;
    std::vector<int32_t> ids = GoldenIds(g.golden, sequence);
    ids.resize(static_cast<size_t>(prompt_length));
    for (int64_t i = 0; i < num_steps; ++i) {
      Step step;
      step.Add(cache, ids, 1);
      g.model->Forward(step, activations);
      const int64_t best = ArgMax(activations.logits.Row(0), g.model->config().vocab_size);
      ASSERT_EQ(best, expected[static_cast<size_t>(sequence * num_steps + i)]) << "step " << i;
      ids = {static_cast<int32_t>(best)};
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenCase, testing::ValuesIn(GoldenCases()),
                         [](const auto& test) { return test.param; });

TEST(Golden, PicoAgreesWithTransformers) {
  ThreadPool pool(2);
  const Checkpoint checkpoint = Checkpoint::Open(PicoFolder());
  const auto model = Model::Load(checkpoint, pool);
  const Checkpoint golden = Checkpoint::Open(TestData("goldens/pico/golden.safetensors"));
  const std::vector<float> logits = RunModel(*model, GoldenIds(golden, 0));
  const std::vector<float> expected = ReadTensor<float>(golden, "logits");
  EXPECT_LE(LargestDifference(std::span(logits).last(expected.size()), expected), 1e-3);
}

// The cases that are too large for the repository.
TEST(Golden, LargerCasesAgreeWithTransformers) {
  const std::string folder = SharedFolder() + "/goldens/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  for (const char* name : {"bf16", "heads_48", "many_experts", "wide_heads"}) {
    SCOPED_TRACE(name);
    ExpectLogits(Golden(folder + name));
  }
}

TEST(Golden, FusedAndPerExpertFilesGiveTheSameBits) {
  const std::string folder = SharedFolder() + "/goldens/many_experts/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  ThreadPool pool(2);
  const Checkpoint per_expert = Checkpoint::Open(folder);
  const Checkpoint fused = Checkpoint::Open(folder + "fused.safetensors");
  const std::vector<int32_t> ids = GoldenIds(Checkpoint::Open(folder + "golden.safetensors"), 0);
  EXPECT_EQ(RunModel(*Model::Load(per_expert, pool), ids),
            RunModel(*Model::Load(fused, pool), ids));
}

}  // namespace
}  // namespace trinity

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "kernels/elementwise.h"
#include "tests/support/golden.h"
#include "tests/support/simd_targets.h"

// Activations rounded to BF16 against what transformers computed in float32 from BF16 weights.

namespace trinity {
namespace {

// The least of what the router left between the last chosen expert and the first not chosen, over
// all layers, at each position of a sequence; infinite where no layer chooses.
std::vector<float> RouterGaps(const Checkpoint& golden, int64_t sequence, int64_t num_tokens) {
  std::vector<float> least(static_cast<size_t>(num_tokens), std::numeric_limits<float>::infinity());
  const TensorInfo* tensor = golden.Find("router_gap");
  if (tensor == nullptr) return least;
  const std::vector<float> gaps = ReadTensor<float>(golden, "router_gap");
  for (int64_t layer = 0; layer < tensor->shape[0]; ++layer) {
    for (int64_t t = 0; t < num_tokens; ++t) {
      const int64_t index = (layer * tensor->shape[1] + sequence) * tensor->shape[2] + t;
      float& gap = least[static_cast<size_t>(t)];
      gap = std::min(gap, gaps[static_cast<size_t>(index)]);
    }
  }
  return least;
}

// How far the largest logit is above the next.
float MarginOf(std::span<const float> logits) {
  float best = -std::numeric_limits<float>::infinity(), next = best;
  for (const float logit : logits) {
    next = std::max(next, std::min(best, logit));
    best = std::max(best, logit);
  }
  return best - next;
}

// Rounding may turn over a choice between experts that are nearly equal, and what the other expert
// says is another logit: positions where scores are within a step of BF16 below 1 (2^-8) are left
// out. Returns how many were compared.
int64_t ExpectSameTop1(const std::string& folder) {
  constexpr float kMargin = 0.1F, kRouterGap = 1.0F / 256.0F;
  ThreadPool pool(2);
  LoadOptions options;
  options.compute = ComputeMode::kBF16;
  const auto model = Model::Load(Checkpoint::Open(folder), pool, options);
  const Checkpoint golden = Checkpoint::Open(folder + "/golden.safetensors");
  const std::vector<float> expected = ReadTensor<float>(golden, "logits");
  const std::vector<int64_t>& shape = golden.Find("logits")->shape;
  const auto vocab_size = static_cast<size_t>(shape[2]);
  int64_t num_compared = 0;
  for (int64_t sequence = 0; sequence < shape[0]; ++sequence) {
    const std::vector<float> found = RunModel(*model, GoldenIds(golden, sequence));
    const std::vector<float> gaps = RouterGaps(golden, sequence, shape[1]);
    for (int64_t t = 0; t < shape[1]; ++t) {
      const auto want = std::span(expected).subspan(
          static_cast<size_t>(sequence * shape[1] + t) * vocab_size, vocab_size);
      if (MarginOf(want) <= kMargin || gaps[static_cast<size_t>(t)] <= kRouterGap) continue;
      ++num_compared;
      const float* logits = found.data() + static_cast<size_t>(t) * vocab_size;
      EXPECT_EQ(ArgMax(logits, shape[2]), ArgMax(want.data(), shape[2]))
          << folder << ", sequence " << sequence << ", position " << t;
    }
  }
  return num_compared;
}

TEST(Bf16Mode, KeepsTheTop1WhereNothingIsNearlyTied) {
  for (const char* name : {"mha_two_shared", "irregular_layers"}) {
    OnEverySimdTarget([&] { EXPECT_GT(ExpectSameTop1(GoldenFolder(name)), 10) << name; });
  }
}

TEST(Bf16Mode, KeepsTheTop1OfLargerSizesWhereNothingIsNearlyTied) {
  const std::string folder = SharedFolder() + "/goldens/bf16";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
  OnEverySimdTarget([&] { EXPECT_GT(ExpectSameTop1(folder), 60); });
}

}  // namespace
}  // namespace trinity

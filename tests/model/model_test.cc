#include "model/model.h"

#include <gtest/gtest.h>

#include "kernels/matmul.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

// Weight bytes that one step streams, for `num_sequences` sequences of `rows` rows each.
int64_t BytesOfStep(const Model& model, int num_sequences, int64_t rows) {
  KvPools pools(model.kv_shape(), DType::kF32);
  std::vector<std::unique_ptr<KvCache>> caches;
  Step step;
  const std::vector<int32_t> ids(static_cast<size_t>(rows), 7);
  for (int i = 0; i < num_sequences; ++i) {
    caches.push_back(std::make_unique<KvCache>(pools));
    step.Add(*caches.back(), ids, 1);
  }
  Activations activations;
  const int64_t before = WeightBytesStreamed();
  model.Forward(step, activations);
  return WeightBytesStreamed() - before;
}

TEST(Model, ReadsEachWeightOnceAStepHoweverManyRowsAndSequences) {
  ThreadPool pool(2);
  for (const char* name : {"all_dense", "base"}) {
    const auto model = Model::Load(Checkpoint::Open(GoldenFolder(name)), pool);
    // All rows hold the same token at the same positions, so they choose the same experts as the
    // first rows do, and a mixture of experts has no reason to read more either.
    const int64_t one = BytesOfStep(*model, 1, 1);
    EXPECT_EQ(BytesOfStep(*model, 16, 1), one) << name;
    EXPECT_EQ(BytesOfStep(*model, 3, 40), BytesOfStep(*model, 1, 40)) << name;
  }
}

TEST(Model, ADenseStepReadsExactlyTheBytesOfItsMatrices) {
  ThreadPool pool(1);
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("all_dense"));
  const auto model = Model::Load(checkpoint, pool);
  int64_t expected = 0;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    if (tensor.shape.size() != 2 || tensor.name == "model.embed_tokens.weight") continue;
    expected += PackedBytes(tensor.dtype, tensor.shape[0], tensor.shape[1]);
  }
  EXPECT_EQ(BytesOfStep(*model, 1, 40), expected);
}

TEST(Model, AnAbandonedStepLeavesTheCacheAsItWas) {
  ThreadPool pool(1);
  const auto model = Model::Load(Checkpoint::Open(GoldenFolder("base")), pool);
  KvPools pools(model->config(), DType::kF32);
  KvCache cache(pools);
  Activations activations;
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5};
  Step step;
  step.Add(cache, std::span(ids).first(2), 0);
  model->Forward(step, activations);
  for (int num_blocks = 0; num_blocks < 3; ++num_blocks) {
    step.Clear();
    step.Add(cache, std::vector<int32_t>(100, 9), 1);
    int num_asked = 0;
    step.is_abandoned = [&] { return num_asked++ == num_blocks; };
    model->Forward(step, activations);
    EXPECT_EQ(num_asked, num_blocks + 1);
    EXPECT_EQ(cache.length(), 2);
  }
  step.Clear();
  step.is_abandoned = nullptr;
  step.Add(cache, std::span(ids).subspan(2), 1);
  model->Forward(step, activations);
  const std::vector<float> all = RunModel(*model, ids);
  const auto size = static_cast<size_t>(model->config().vocab_size);
  EXPECT_TRUE(
      std::equal(all.end() - static_cast<int64_t>(size), all.end(), activations.logits.Row(0)));
}

TEST(Model, ComputesLogitsOnlyForTheRowsAskedFor) {
  ThreadPool pool(1);
  const auto model = Model::Load(Checkpoint::Open(GoldenFolder("base")), pool);
  KvPools pools(model->kv_shape(), DType::kF32);
  KvCache cache(pools);
  Activations activations;
  Step step;
  step.Add(cache, std::vector<int32_t>{1, 2, 3, 4, 5}, 2);
  model->Forward(step, activations);
  EXPECT_EQ(activations.logits.rows(), 2);
  const std::vector<float> all = RunModel(*model, std::vector<int32_t>{1, 2, 3, 4, 5});
  const auto size = static_cast<size_t>(model->config().vocab_size);
  EXPECT_EQ(std::vector<float>(activations.logits.Row(0), activations.logits.Row(2)),
            std::vector<float>(all.end() - static_cast<ptrdiff_t>(2 * size), all.end()));
}

}  // namespace
}  // namespace trinity

#include "convert/model_tensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "model/gguf_config.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::HasSubstr;

TEST(ModelTensors, CoverEveryTensorOfTheCheckpointOnce) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  const Config config = Config::FromJson(checkpoint.config(), "base");
  int64_t num_values = 0;
  for (const ModelTensor& tensor : ListModelTensors(config, checkpoint)) {
    int64_t rows = 0;
    for (const SourceRows& from : tensor.rows) rows += from.num_rows;
    num_values += rows * tensor.cols();
    int64_t of_shape = 1;
    for (const int64_t size : tensor.shape) of_shape *= size;
    EXPECT_EQ(rows * tensor.cols(), of_shape) << tensor.name;
    EXPECT_EQ(tensor.are_experts() ? config.num_experts : 1,
              static_cast<int64_t>(tensor.rows.size()));
  }
  int64_t all = 0;
  for (const TensorInfo& tensor : checkpoint.tensors()) all += tensor.num_values();
  EXPECT_EQ(num_values, all);
}

TEST(ModelTensors, ReadStackedExpertsRowByRow) {
  Checkpoint checkpoint = Checkpoint::Open(TestData("gguf/tiny.gguf"));
  TranslateGguf(checkpoint);
  const Config config = Config::FromJson(checkpoint.config(), "tiny");
  for (const ModelTensor& tensor : ListModelTensors(config, checkpoint)) {
    if (!tensor.are_experts()) continue;
    for (size_t e = 0; e < tensor.rows.size(); ++e) {
      EXPECT_EQ(tensor.rows[e].first_row, static_cast<int64_t>(e) * tensor.shape[1]);
    }
  }
}

TEST(ModelTensors, RefuseMissingTensorsAndOthers) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  Config config = Config::FromJson(checkpoint.config(), "base");
  const auto refusal = [&] {
    try {
      ListModelTensors(config, checkpoint);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  config.num_hidden_layers -= 1;
  config.layer_types.pop_back();
  EXPECT_THAT(refusal(), HasSubstr("is not part of the model"));
  config.num_hidden_layers += 2;
  config.layer_types.insert(config.layer_types.end(), 2, AttentionKind::kFull);
  EXPECT_THAT(refusal(), HasSubstr("is missing: expected shape"));
}

}  // namespace
}  // namespace trinity

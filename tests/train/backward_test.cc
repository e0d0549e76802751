#include "train/backward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "base/error.h"
#include "tests/support/golden.h"
#include "train/gradient_check.h"

namespace trinity {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;

std::unique_ptr<Model> LoadCase(const std::string& name, ThreadPool& pool) {
  return Model::Load(Checkpoint::Open(GoldenFolder(name)), pool);
}

// The gradients of transformers, of one case.
void ExpectGolden(const std::string& path, const std::string& name, int64_t fewest_tensors) {
  ThreadPool pool(2);
  const std::unique_ptr<Model> model = LoadCase(name, pool);
  const GradientReport report = CheckGradients(*model, Checkpoint::Open(path));
  EXPECT_LT(report.loss_difference, 1e-5) << name;
  EXPECT_GE(static_cast<int64_t>(report.tensors.size()), fewest_tensors) << name;
  for (const GradientDifference& tensor : report.tensors) {
    EXPECT_LT(tensor.relative, kGradientTolerance) << name << " " << tensor.name;
  }
}

TEST(Backward, GradientsAreThoseOfTransformers) {
  for (const auto& [name, fewest_tensors] :
       {std::pair{"base", 133}, {"tied", 81}, {"mha_two_shared", 88}, {"all_dense", 15}}) {
    const std::string path = SharedFolder() + "/goldens/" + name + "/golden.safetensors";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << path;
    ExpectGolden(path, name, fewest_tensors);
  }
}

TEST(Backward, SomeGradientsOfTheTiedModelAreThoseOfTransformers) {
  ExpectGolden(TestData("goldens/tied/golden.safetensors"), "tied", 70);
}

// One value of an F32 matrix of a loaded model, which can be moved and comes back at the end.
class MovedWeight {
 public:
  MovedWeight(const PackedMatrix& matrix, int64_t row, int64_t col)
      : value_(reinterpret_cast<float*>(const_cast<std::byte*>(matrix.data)) +
               row / kPanelRows * kPanelRows * matrix.cols + col * kPanelRows + row % kPanelRows),
        original_(*value_) {}
  ~MovedWeight() { *value_ = original_; }
  void MoveBy(float step) { *value_ = original_ + step; }

 private:
  float* value_;
  float original_;
};

double LossOf(const Model& model, const Sequences& sequences) {
  return ComputeGradients(model, sequences).loss;
}

// The slope of the loss along one weight, by central differences.
double SlopeOf(const Model& model, const Sequences& sequences, const PackedMatrix& matrix,
               int64_t row, int64_t col) {
  constexpr float kStep = 2e-3F;
  MovedWeight weight(matrix, row, col);
  weight.MoveBy(kStep);
  const double above = LossOf(model, sequences);
  weight.MoveBy(-kStep);
  return (above - LossOf(model, sequences)) / (2 * static_cast<double>(kStep));
}

// Few of them may be off, where a step changes which experts are chosen; a wrong term would be
// wrong in many places.
TEST(Backward, GradientsAreSlopesOfTheLoss) {
  const Sequences sequences = {{5, 17, 200, 3, 90, 41, 7, 7, 230, 12}, {1, 99, 64, 32}};
  for (const std::string name : {"base", "all_dense", "tp_awkward"}) {
    ThreadPool pool(1);
    const std::unique_ptr<Model> model = LoadCase(name, pool);
    const Weights& weights = model->weights();
    const LossAndGradients found = ComputeGradients(*model, sequences);
    const size_t last = weights.layers.size() - 1;
    const AttentionWeights& attention = weights.layers[last].attention;
    const AttentionGradients& gradients = found.gradients.layers[last].attention;
    int num_checked = 0, num_wrong = 0;
    const auto check = [&](const PackedMatrix& matrix, const Matrix& gradient) {
      if (matrix.dtype != DType::kF32) return;
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t row = i * 5 % matrix.rows, col = i * 7 % matrix.cols;
        const double slope = SlopeOf(*model, sequences, matrix, row, col);
        const double tolerance = 2e-4 + 0.02 * std::abs(slope);
        ++num_checked;
        if (std::abs(slope - static_cast<double>(gradient.Row(row)[col])) > tolerance) ++num_wrong;
      }
    };
    check(attention.q_proj, gradients.q_proj);
    check(attention.k_proj, gradients.k_proj);
    check(attention.v_proj, gradients.v_proj);
    check(*attention.gate_proj, gradients.gate_proj);
    check(attention.o_proj, gradients.o_proj);
    EXPECT_LE(num_wrong, num_checked / 10) << name;
    EXPECT_GT(num_checked, 10) << name;
  }
}

std::map<std::string, std::vector<float>> ValuesOf(const Gradients& gradients) {
  std::map<std::string, std::vector<float>> values;
  gradients.ForEach([&](const std::string& name, const Matrix& gradient) {
    values[name].assign(gradient.data(), gradient.data() + gradient.rows() * gradient.cols());
  });
  return values;
}

TEST(Backward, ThreadsDoNotChangeABit) {
  const Sequences sequences = {{5, 17, 200, 3, 90, 41, 7, 7}, {1, 99, 64, 32, 8}};
  std::map<std::string, std::vector<float>> alone;
  for (const int num_threads : {1, 2, 5}) {
    ThreadPool pool(num_threads);
    const std::unique_ptr<Model> model = LoadCase("base", pool);
    const auto values = ValuesOf(ComputeGradients(*model, sequences).gradients);
    if (num_threads == 1) alone = values;
    EXPECT_EQ(values, alone) << num_threads;
  }
}

TEST(Backward, EveryWeightOfTheCheckpointHasAGradientButTheBias) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  const Config config = Config::FromJson(checkpoint.config(), "base");
  std::set<std::string> named, stored;
  const Gradients gradients(config);
  gradients.ForEach([&](const std::string& name, const Matrix& gradient) {
    EXPECT_EQ(checkpoint.Find(name)->num_values(), gradient.rows() * gradient.cols()) << name;
    named.insert(name);
  });
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    if (!tensor.name.ends_with("expert_bias")) stored.insert(tensor.name);
  }
  EXPECT_EQ(named, stored);
}

TEST(Backward, RefusesWhatHasNoLoss) {
  ThreadPool pool(1);
  const std::unique_ptr<Model> model = LoadCase("all_dense", pool);
  EXPECT_THROW(ComputeGradients(*model, Sequences{}), Error);
  EXPECT_THROW(ComputeGradients(*model, Sequences{{1}}), Error);
  EXPECT_THROW(ComputeGradients(*model, Sequences{{1, 100000}}), Error);
}

}  // namespace
}  // namespace trinity

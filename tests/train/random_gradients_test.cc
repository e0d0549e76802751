#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "model/model_group.h"
#include "model/tensor_names.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"
#include "tests/support/random_model.h"
#include "train/backward.h"
#include "train/rank_gradients.h"

// Gradients of models of any shape: slopes of the loss, and on several ranks those of one.

namespace trinity {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;
using Values = std::map<std::string, std::vector<float>>;

// Of models that are quick. Where a score is divided by the sum of the chosen, what that takes off
// shows beside shared experts only (9): the norm after experts alone undoes what scales them.
constexpr uint64_t kSeeds[] = {0, 1, 2, 7, 9, 15};

// The values of one weight of a loaded F32 model, [rows, cols], which can be moved.
class MovableWeight {
 public:
  explicit MovableWeight(const PackedMatrix& matrix)
      : data_(reinterpret_cast<float*>(const_cast<std::byte*>(matrix.data))),
        rows_(matrix.rows),
        cols_(matrix.cols) {
    TRINITY_CHECK(matrix.dtype == DType::kF32);
  }
  explicit MovableWeight(const Norm& norm)
      : data_(const_cast<float*>(norm.weight.data())),
        rows_(1),
        cols_(static_cast<int64_t>(norm.weight.size())),
        is_packed_(false) {}

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  float& At(int64_t row, int64_t col) const {
    if (!is_packed_) return data_[col];
    return data_[row / kPanelRows * kPanelRows * cols_ + col * kPanelRows + row % kPanelRows];
  }

 private:
  float* data_;
  int64_t rows_;
  int64_t cols_;
  bool is_packed_ = true;
};

using Movables = std::map<std::string, MovableWeight>;

void AddMlp(const std::string& prefix, const MlpWeights& mlp, Movables& all) {
  all.emplace(prefix + "gate_proj.weight", mlp.gate_proj);
  all.emplace(prefix + "up_proj.weight", mlp.up_proj);
  all.emplace(prefix + "down_proj.weight", mlp.down_proj);
}

void AddLayer(int64_t index, const LayerWeights& layer, Movables& all) {
  const auto name = [&](std::string_view part) { return tensor_names::OfLayer(index, part); };
  all.emplace(name("input_layernorm.weight"), layer.input_layernorm);
  all.emplace(name("post_attention_layernorm.weight"), layer.post_attention_layernorm);
  all.emplace(name("pre_mlp_layernorm.weight"), layer.pre_mlp_layernorm);
  all.emplace(name("post_mlp_layernorm.weight"), layer.post_mlp_layernorm);
  all.emplace(name("self_attn.q_proj.weight"), layer.attention.q_proj);
  all.emplace(name("self_attn.k_proj.weight"), layer.attention.k_proj);
  all.emplace(name("self_attn.v_proj.weight"), layer.attention.v_proj);
  all.emplace(name("self_attn.gate_proj.weight"), *layer.attention.gate_proj);
  all.emplace(name("self_attn.o_proj.weight"), layer.attention.o_proj);
  all.emplace(name("self_attn.q_norm.weight"), layer.attention.q_norm);
  all.emplace(name("self_attn.k_norm.weight"), layer.attention.k_norm);
  if (layer.dense) AddMlp(name("mlp."), *layer.dense, all);
  if (!layer.moe) return;
  all.emplace(name("mlp.router.gate.weight"), layer.moe->router.gate);
  for (size_t e = 0; e < layer.moe->experts.size(); ++e) {
    AddMlp(tensor_names::OfExpert(index, static_cast<int64_t>(e), ""), layer.moe->experts[e], all);
  }
  if (layer.moe->shared_experts)
    AddMlp(name("mlp.shared_experts."), *layer.moe->shared_experts, all);
}

// By the names of a checkpoint.
Movables MovablesOf(const Model& model) {
  const Weights& weights = model.weights();
  Movables all;
  all.emplace(std::string(tensor_names::kEmbedTokens), weights.embed_tokens);
  all.emplace(std::string(tensor_names::kNorm), weights.norm);
  if (!model.config().tie_word_embeddings) {
    all.emplace(std::string(tensor_names::kLmHead), weights.lm_head);
  }
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    AddLayer(static_cast<int64_t>(i), weights.layers[i], all);
  }
  return all;
}

// The loss as its definition has it, in double, and the experts that were chosen on the way.
struct ObservedLoss {
  double loss = 0;
  std::vector<int32_t> experts;
};

ObservedLoss ObserveLoss(const Model& model, const Sequences& sequences) {
  ObservedLoss found;
  const auto vocab_size = static_cast<size_t>(model.config().vocab_size);
  size_t num_targets = 0;
  for (const std::vector<int32_t>& ids : sequences) {
    const ObservedRun run = RunObserved(model, std::span(ids).first(ids.size() - 1));
    found.experts.insert(found.experts.end(), run.choices.experts.begin(),
                         run.choices.experts.end());
    for (size_t row = 0; row + 1 < ids.size(); ++row) {
      const auto logits = std::span(run.logits).subspan(row * vocab_size, vocab_size);
      double sum = 0;
      for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
      found.loss += std::log(sum) - static_cast<double>(logits[static_cast<size_t>(ids[row + 1])]);
      ++num_targets;
    }
  }
  found.loss /= static_cast<double>(num_targets);
  return found;
}

// A direction in which a weight moves, of length 1.
using Direction = std::vector<double>;  // [rows, cols]

void Move(const MovableWeight& weight, const std::vector<float>& from, const Direction& direction,
          double step) {
  size_t i = 0;
  for (int64_t row = 0; row < weight.rows(); ++row) {
    for (int64_t col = 0; col < weight.cols(); ++col, ++i) {
      weight.At(row, col) = static_cast<float>(from[i] + step * direction[i]);
    }
  }
}

// The slope of the loss in a direction.
struct Slope {
  double slope = 0;
  double noise = 0;  // by which the rounding of the logits may have changed it
};

// By central differences; absent where a step chooses other experts, so that the loss jumps.
std::optional<Slope> SlopeOf(const Model& model, const Sequences& sequences,
                             const MovableWeight& weight, const Direction& direction) {
  constexpr double kLossNoise = 4e-6;
  std::vector<float> from;
  for (int64_t row = 0; row < weight.rows(); ++row) {
    for (int64_t col = 0; col < weight.cols(); ++col) from.push_back(weight.At(row, col));
  }
  for (const double step : {8e-3, 3e-3}) {
    Move(weight, from, direction, step);
    const ObservedLoss above = ObserveLoss(model, sequences);
    Move(weight, from, direction, -step);
    const ObservedLoss below = ObserveLoss(model, sequences);
    Move(weight, from, direction, 0);
    if (above.experts != below.experts) continue;
    return Slope{(above.loss - below.loss) / (2 * step), kLossNoise / step};
  }
  return std::nullopt;
}

// That of the gradient itself, in which all its values have a part, and that of a third of them,
// which are drawn.
std::vector<Direction> DirectionsFor(const Matrix& gradient, uint64_t stream) {
  const auto size = static_cast<size_t>(gradient.rows() * gradient.cols());
  std::vector<Direction> directions(2, Direction(size));
  for (size_t d = 0; d < directions.size(); ++d) {
    double squares = 0;
    for (size_t i = 0; i < size; ++i) {
      const bool takes_part = d == 0 || UniformAt(d, stream, i) < 1.0 / 3;
      directions[d][i] = takes_part ? static_cast<double>(gradient.data()[i]) : 0;
      squares += directions[d][i] * directions[d][i];
    }
    for (double& value : directions[d]) value /= std::sqrt(std::max(squares, 1e-30));
  }
  return directions;
}

double Product(const Matrix& gradient, const Direction& direction) {
  double sum = 0;
  for (size_t i = 0; i < direction.size(); ++i)
    sum += direction[i] * static_cast<double>(gradient.data()[i]);
  return sum;
}

class RandomGradients : public testing::TestWithParam<uint64_t> {
 protected:
  RandomGradients()
      : checkpoint_(WriteRandomModel(GetParam(), folder_ / "model")),
        config_(Config::FromJson(checkpoint_.config(), "")),
        sequences_({RandomIds(config_, GetParam(), 12), RandomIds(config_, GetParam() + 1000, 5)}),
        trace_(__FILE__, __LINE__, checkpoint_.config().dump()) {}

  // The loss stands under the name "loss".
  Values GradientsOn(const RankGrid& grid) {
    LoadOptions load;
    load.grid = grid;
    ModelGroup group(checkpoint_, 1, load, SingleRank::Shared(), {FollowGradients});
    Values values;
    const double loss = VisitGradients(
        group.leader(), sequences_, [&](const std::string& name, const Matrix& gradient) {
          values[name].assign(gradient.data(), gradient.data() + gradient.rows() * gradient.cols());
        });
    values["loss"] = {static_cast<float>(loss)};
    return values;
  }

  TemporaryFolder folder_;
  Checkpoint checkpoint_;
  Config config_;
  Sequences sequences_;
  testing::ScopedTrace trace_;
};

// "model.layers.3.mlp.experts.5.up_proj.weight" without the numbers.
std::string KindOf(std::string name) {
  std::erase_if(name, [](unsigned char c) { return std::isdigit(c) != 0; });
  return name;
}

TEST_P(RandomGradients, AreSlopesOfTheLoss) {
  ThreadPool pool(1);
  const auto model = Model::Load(checkpoint_, pool);
  const LossAndGradients found = ComputeGradients(*model, sequences_);
  EXPECT_NEAR(found.loss, ObserveLoss(*model, sequences_).loss, 1e-5);
  const Movables weights = MovablesOf(*model);
  std::set<std::string> kinds, compared_kinds;
  found.gradients.ForEach([&](const std::string& name, const Matrix& gradient) {
    kinds.insert(KindOf(name));
    const MovableWeight& weight = weights.at(name);
    ASSERT_EQ(weight.rows() * weight.cols(), gradient.rows() * gradient.cols()) << name;
    for (const Direction& direction : DirectionsFor(gradient, GetParam())) {
      const double want = Product(gradient, direction);
      if (want == 0) continue;  // of an expert that nothing chooses
      const std::optional<Slope> slope = SlopeOf(*model, sequences_, weight, direction);
      if (!slope) continue;
      EXPECT_NEAR(slope->slope, want, slope->noise + 0.01 * want) << name;
      if (want > 3 * slope->noise) compared_kinds.insert(KindOf(name));
    }
  });
  // One may be missing: that of a router whose experts are all that a norm scales back, and of a
  // layer below others in which every step chooses other experts.
  EXPECT_GE(compared_kinds.size() + 1, kinds.size()) << testing::PrintToString(compared_kinds);
}

TEST_P(RandomGradients, OfSeveralRanksAreThoseOfOne) {
  const Values alone = GradientsOn({});
  for (const RankGrid& grid : {RankGrid{2}, {3}, {5}, {8}, {4, 2}}) {
    const Values found = GradientsOn(grid);
    ASSERT_EQ(found.size(), alone.size());
    for (const auto& [name, values] : alone) {
      double largest = 0;
      for (const float value : values) largest = std::max<double>(largest, std::abs(value));
      EXPECT_LE(LargestDifference(found.at(name), values), 1e-5 * largest)
          << name << " on " << grid.num_ranks << " ranks in " << grid.expert_groups << " groups";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomGradients, testing::ValuesIn(kSeeds),
                         [](const auto& test) { return std::to_string(test.param); });

}  // namespace
}  // namespace trinity

#include "model/model.h"

#include <array>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "kernels/elementwise.h"
#include "model/projection.h"
#include "model/rope.h"

namespace trinity {

std::unique_ptr<Model> Model::Load(const Checkpoint& checkpoint, ThreadPool& pool,
                                   const LoadOptions& options) {
  Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  Weights weights = Weights::Load(checkpoint, config, pool, options);
  std::vector<LayerPlan> plans = PlanLayers(config);
  return std::make_unique<Model>(std::move(config), std::move(plans), std::move(weights), pool);
}

Model::Model(Config config, std::vector<LayerPlan> plans, Weights weights, ThreadPool& pool)
    : config_(std::move(config)),
      plans_(std::move(plans)),
      weights_(std::move(weights)),
      pool_(pool) {
  std::array<int64_t, 2> num_of_kind = {0, 0};
  for (size_t i = 0; i < plans_.size(); ++i) {
    int64_t& layer_of_kind = num_of_kind[plans_[i].attention == AttentionKind::kFull ? 1 : 0];
    blocks_.emplace_back(config_, plans_[i], weights_.layers[i], layer_of_kind++, pool_);
  }
}

void Model::Forward(const Step& step, Activations& a) const {
  for (const StepSequence& sequence : step.sequences()) sequence.cache->Reserve(sequence.num_rows);
  FillRopeTables(config_, step.positions(), a.rope_cos, a.rope_sin);

  Embed(step, a.block_input);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    if (step.on_stream) step.on_stream(static_cast<int64_t>(i), a.block_input, a);
    blocks_[i].Forward(step, a);
    std::swap(a.block_input, a.block_output);
  }
  ComputeLogits(step, a);

  for (const StepSequence& sequence : step.sequences()) sequence.cache->Commit(sequence.num_rows);
}

void Model::ForwardKeeping(const Step& step, std::span<Activations> kept, Activations& last) const {
  TRINITY_CHECK(kept.size() == blocks_.size());
  for (const StepSequence& sequence : step.sequences()) sequence.cache->Reserve(sequence.num_rows);
  Embed(step, kept.front().block_input);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    FillRopeTables(config_, step.positions(), kept[i].rope_cos, kept[i].rope_sin);
    blocks_[i].Forward(step, kept[i]);
    Activations& next = i + 1 < kept.size() ? kept[i + 1] : last;
    std::swap(next.block_input, kept[i].block_output);
  }
  ComputeLogits(step, last);
  for (const StepSequence& sequence : step.sequences()) sequence.cache->Commit(sequence.num_rows);
}

void Model::Embed(const Step& step, Matrix& stream) const {
  stream.Resize(step.num_rows(), config_.hidden_size);
  const float mup_factor =
      config_.mup_enabled ? std::sqrt(static_cast<float>(config_.hidden_size)) : 1.0F;
  ForEachRow(pool_, step.num_rows(), [&](int64_t row) {
    const int32_t id = step.token_ids()[static_cast<size_t>(row)];
    TRINITY_CHECK(id >= 0 && id < config_.vocab_size);
    UnpackRow(weights_.embed_tokens, id, stream.Row(row));
    if (config_.mup_enabled) Scale(stream.Row(row), mup_factor, config_.hidden_size);
  });
}

void Model::ComputeLogits(const Step& step, Activations& a) const {
  const Matrix& stream = a.block_input;
  if (step.on_stream) {
    a.final_norm.Resize(stream.rows(), stream.cols());
    for (int64_t row = 0; row < stream.rows(); ++row) {
      weights_.norm.Apply(stream.Row(row), a.final_norm.Row(row));
    }
    step.on_stream(config_.num_hidden_layers, a.final_norm, a);
  }
  const std::vector<int64_t>& rows = step.logit_rows();
  a.final_norm.Resize(static_cast<int64_t>(rows.size()), config_.hidden_size);
  for (size_t i = 0; i < rows.size(); ++i) {
    weights_.norm.Apply(stream.Row(rows[i]), a.final_norm.Row(static_cast<int64_t>(i)));
  }
  if (rows.empty()) return;
  Project(std::array{Projection{&weights_.lm_head, &a.final_norm, &a.logits}}, pool_);
}

}  // namespace trinity

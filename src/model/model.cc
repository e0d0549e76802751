#include "model/model.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "kernels/elementwise.h"
#include "model/identity.h"
#include "model/logit_gathering.h"
#include "model/projection.h"
#include "model/rank_steps.h"
#include "model/rope.h"
#include "parallel/agreement.h"
#include "parallel/gather_each.h"
#include "parallel/rank_lost.h"

namespace trinity {

std::unique_ptr<Model> Model::Load(const Checkpoint& checkpoint, ThreadPool& pool,
                                   const LoadOptions& options) {
  Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  Weights weights = Weights::Load(checkpoint, config, pool, options);
  std::vector<LayerPlan> plans = PlanLayers(config);
  return std::make_unique<Model>(std::move(config), std::move(plans), std::move(weights), pool);
}

std::unique_ptr<Model> Model::Load(const Checkpoint& checkpoint, ThreadPool& pool,
                                   LoadOptions options, Communicator& ranks) {
  if (ranks.size() == 1) return Load(checkpoint, pool, options);
  options.grid.num_ranks = ranks.size();
  options.rank = ranks.rank();
  ranks.set_patience(options.rank_patience);
  const auto begun = std::chrono::steady_clock::now();
  RankReport report;
  Config config;
  Weights weights;
  try {
    config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
    weights = Weights::Load(checkpoint, config, pool, options);
    report.identity = IdentityOf(checkpoint, options);
  } catch (const Error& error) {
    report.failure = error.what();
  }
  const auto own = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  Agree(ranks, report, PatienceWithFiles(options.rank_patience, own));
  std::vector<LayerPlan> plans = PlanLayers(config);
  auto model =
      std::make_unique<Model>(std::move(config), std::move(plans), std::move(weights), pool, ranks);
  model->GatherWeightBytes();
  return model;
}

Model::Model(Config config, std::vector<LayerPlan> plans, Weights weights, ThreadPool& pool,
             Communicator& ranks)
    : config_(std::move(config)),
      plans_(std::move(plans)),
      weights_(std::move(weights)),
      rank_weight_bytes_{weights_.num_bytes()},
      pool_(pool),
      ranks_(ranks) {
  if (ranks.size() > 1 && ranks.is_leader()) journal_ = std::make_unique<KvJournal>();
  std::array<int64_t, 2> num_of_kind = {0, 0};
  for (size_t i = 0; i < plans_.size(); ++i) {
    int64_t& layer_of_kind = num_of_kind[plans_[i].attention == AttentionKind::kFull ? 1 : 0];
    blocks_.emplace_back(config_, Block::Rank{weights_.slice, ranks_}, plans_[i],
                         weights_.layers[i], layer_of_kind++, pool_);
  }
}

void Model::GatherWeightBytes() {
  std::vector<int64_t> all = GatherEach(ranks_, rank_weight_bytes_.front());
  if (ranks_.is_leader()) rank_weight_bytes_ = std::move(all);
}

void Model::Forward(const Step& step, Activations& a) const {
  if (journal_) AnnounceStep(step, *journal_, ranks_);
  const bool may_be_abandoned = step.is_abandoned && ranks_.size() == 1;
  try {
    for (const StepSequence& sequence : step.sequences()) {
      sequence.cache->Reserve(sequence.num_rows);
    }
    FillRopeTables(config_, step.positions(), a.rope_cos, a.rope_sin);
    Embed(step, a.block_input);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (may_be_abandoned && step.is_abandoned()) return;
      if (step.on_stream) step.on_stream(static_cast<int64_t>(i), a.block_input, a);
      blocks_[i].Forward(step, a);
      std::swap(a.block_input, a.block_output);
    }
    ComputeLogits(step, a);
    if (!step.logit_rows().empty()) GatherLogits(config_, step, ranks_, a);
  } catch (const RankLost&) {
    throw;
  } catch (const std::exception& error) {
    if (ranks_.size() == 1) throw;
    // The others wait for what this rank will not compute.
    ranks_.Lose(error.what());
    throw RankLost(fmt::format("rank {} ended: {}", ranks_.rank(), error.what()));
  }

  for (const StepSequence& sequence : step.sequences()) sequence.cache->Commit(sequence.num_rows);
}

void Model::SendTask(RankTaskKind kind, std::span<const int64_t> words) const {
  TRINITY_CHECK(journal_ != nullptr);
  AnnounceTask(kind, words, *journal_, ranks_);
}

void Model::ForwardKeeping(const Step& step, std::span<Activations> kept, Activations& last) const {
  TRINITY_CHECK(kept.size() == blocks_.size());
  TRINITY_CHECK(weights_.expert_store == nullptr);
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
  const IndexRange& held = weights_.slice.vocabulary;
  ForEachRow(pool_, step.num_rows(), [&](int64_t row) {
    const int32_t id = step.token_ids()[static_cast<size_t>(row)];
    TRINITY_CHECK(id >= 0 && id < config_.vocab_size);
    if (id < held.begin || id >= held.end) {
      // Unlike 0 it changes no value that it is added to, not even -0.
      std::fill_n(stream.Row(row), config_.hidden_size, -0.0F);
      return;
    }
    UnpackRow(weights_.embed_tokens, id - held.begin, stream.Row(row));
    if (config_.mup_enabled) Scale(stream.Row(row), mup_factor, config_.hidden_size);
  });
  ranks_.Sum(stream.values());
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

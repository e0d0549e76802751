#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "model/activations.h"
#include "model/block.h"
#include "model/config.h"
#include "model/step.h"
#include "model/weights.h"

namespace trinity {

// An AFMoE model (Arcee Trinity): weights and the forward pass. Holds no state of a sequence, so
// one model serves many; one Forward at a time.
class Model {
 public:
  // Reads config and weights. The pool must outlive the model. Throws Error.
  static std::unique_ptr<Model> Load(const Checkpoint& checkpoint, ThreadPool& pool,
                                     const LoadOptions& options = {});

  Model(Config config, std::vector<LayerPlan> plans, Weights weights, ThreadPool& pool);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // Computes all rows of `step` and appends their keys and values to the caches. `a.logits` then
  // holds [step.logit_rows(), vocab_size]. Nothing that the files or the user gave can be wrong any
  // more: token ids are below vocab_size (a TRINITY_CHECK).
  void Forward(const Step& step, Activations& a) const;

  // The same for training: block i fills kept[i], which a backward pass then reads, instead of a
  // buffer that all blocks share; `last` takes what comes after the blocks.
  void ForwardKeeping(const Step& step, std::span<Activations> kept, Activations& last) const;

  const Config& config() const { return config_; }
  const Weights& weights() const { return weights_; }
  const std::vector<LayerPlan>& plans() const { return plans_; }
  ThreadPool& pool() const { return pool_; }

 private:
  void Embed(const Step& step, Matrix& stream) const;
  void ComputeLogits(const Step& step, Activations& a) const;

  Config config_;
  std::vector<LayerPlan> plans_;
  Weights weights_;
  std::vector<Block> blocks_;
  ThreadPool& pool_;
};

}  // namespace trinity

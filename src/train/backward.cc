#include "train/backward.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/error.h"
#include "kernels/elementwise.h"
#include "model/projection.h"
#include "train/attention_gradient.h"
#include "train/mlp_gradient.h"
#include "train/moe_gradient.h"
#include "train/norm_gradient.h"
#include "train/product_gradient.h"
#include "train/vocabulary_loss.h"

namespace trinity {
namespace {

void CheckDType(DType dtype) {
  if (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16) return;
  Fail("gradients: expected weights in F32, F16 or BF16, found {}", NameOf(dtype));
}

void CheckMlp(const MlpWeights& mlp) {
  for (const PackedMatrix* matrix : {&mlp.gate_proj, &mlp.up_proj, &mlp.down_proj}) {
    CheckDType(matrix->dtype);
  }
}

void CheckWeights(const Weights& weights) {
  CheckDType(weights.embed_tokens.dtype);
  CheckDType(weights.lm_head.dtype);
  for (const LayerWeights& layer : weights.layers) {
    const AttentionWeights& a = layer.attention;
    for (const PackedMatrix* matrix : {&a.q_proj, &a.k_proj, &a.v_proj, &a.o_proj}) {
      CheckDType(matrix->dtype);
    }
    if (a.gate_proj) CheckDType(a.gate_proj->dtype);
    if (layer.dense) CheckMlp(*layer.dense);
    if (!layer.moe) continue;
    for (const MlpWeights& expert : layer.moe->experts) CheckMlp(expert);
    if (layer.moe->shared_experts) CheckMlp(*layer.moe->shared_experts);
  }
}

void CheckSequences(const Config& config, std::span<const std::vector<int32_t>> sequences) {
  if (sequences.empty()) Fail("gradients: expected at least one sequence, found none");
  for (const std::vector<int32_t>& ids : sequences) {
    if (ids.size() < 2) Fail("gradients: expected at least 2 tokens, found {}", ids.size());
    for (const int32_t id : ids) {
      if (id >= 0 && id < config.vocab_size) continue;
      Fail("gradients: expected ids from 0 to {}, found {}", config.vocab_size - 1, id);
    }
  }
}

void AddRows(const Matrix& from, Matrix& to) {
  for (int64_t row = 0; row < to.rows(); ++row) {
    Add(to.Row(row), from.Row(row), to.cols(), to.Row(row));
  }
}

// One forward pass and the way back.
class Backward {
 public:
  Backward(const Model& model, std::span<const std::vector<int32_t>> sequences)
      : model_(model),
        config_(model.config()),
        found_{0, 0, Gradients(config_, model.weights().slice)} {
    for (const std::vector<int32_t>& ids : sequences) {
      found_.num_targets += static_cast<int64_t>(ids.size()) - 1;
    }
  }

  LossAndGradients Run(std::span<const std::vector<int32_t>> sequences) {
    // Caches of this rank alone: rank 0 has the others keep none like them.
    KvPools pools({config_, model_.weights().slice.kv_heads.size(), nullptr}, DType::kF32);
    std::vector<std::unique_ptr<KvCache>> caches;
    for (const std::vector<int32_t>& ids : sequences) {
      caches.push_back(std::make_unique<KvCache>(pools));
      // The last token has no target.
      step_.Add(*caches.back(), std::span(ids).first(ids.size() - 1),
                static_cast<int64_t>(ids.size()) - 1);
      targets_.insert(targets_.end(), ids.begin() + 1, ids.end());
    }
    kept_.resize(model_.plans().size());
    model_.ForwardKeeping(step_, kept_, last_);

    Matrix stream = HeadBackward();
    for (size_t i = kept_.size(); i-- > 0;) {
      stream = BlockBackward(i, stream);
      kept_[i] = Activations();  // its memory serves the layers below
    }
    EmbeddingBackward(stream);
    return std::move(found_);
  }

 private:
  // The gradient of the stream after the last block.
  Matrix HeadBackward() {
    found_.loss =
        LossOfVocabulary(model_.ranks(), model_.weights().slice.vocabulary, targets_, last_.logits);
    Gradients& g = found_.gradients;
    const Weights& weights = model_.weights();
    Matrix normed(last_.logits.rows(), config_.hidden_size);
    AddProductGradient(weights.lm_head, last_.logits, last_.final_norm,
                       g.lm_head ? *g.lm_head : g.embed_tokens, normed, model_.pool());
    model_.ranks().Sum(normed.values());
    Matrix stream(normed.rows(), config_.hidden_size);
    AddNormGradient(weights.norm, last_.block_input, normed, stream, g.norm);
    return stream;
  }

  // From the gradient of a block's output to that of its input. Every rank has the same stream and
  // the same gradients of it: where the forward pass reads it into products of which each rank has
  // some outputs, gradients are summed.
  Matrix BlockBackward(size_t index, const Matrix& output_gradient) {
    const LayerWeights& weights = model_.weights().layers[index];
    const Activations& a = kept_[index];
    LayerGradients& g = found_.gradients.layers[index];
    const int64_t rows = output_gradient.rows(), size = config_.hidden_size;

    Matrix mlp_output(rows, size), mlp_input(rows, size), middle(rows, size);
    AddNormGradient(weights.post_mlp_layernorm, a.mlp_output, output_gradient, mlp_output,
                    g.post_mlp_layernorm);
    if (weights.dense) {
      MlpRows all = {&a.dense, 0, {}, {}, {}, {}};
      for (int64_t row = 0; row < rows; ++row) {
        all.Add(a.mlp_input.Row(row), mlp_output.Row(row), mlp_input.Row(row), 1.0F);
      }
      AddMlpGradient(*weights.dense, all, *g.dense, model_.pool());
      model_.ranks().Sum(mlp_input.values());
    } else {
      MoeGradient(model_, index).Add(a, mlp_output, mlp_input, *g.moe);
    }
    AddRows(output_gradient, middle);
    AddNormGradient(weights.pre_mlp_layernorm, a.middle, mlp_input, middle, g.pre_mlp_layernorm);

    Matrix attention_output(rows, size), attention_input(rows, size), input(rows, size);
    AddNormGradient(weights.post_attention_layernorm, a.attention_output, middle, attention_output,
                    g.post_attention_layernorm);
    AttentionGradient(model_, index).Add(step_, a, attention_output, attention_input, g.attention);
    AddRows(middle, input);
    AddNormGradient(weights.input_layernorm, a.block_input, attention_input, input,
                    g.input_layernorm);
    return input;
  }

  void EmbeddingBackward(const Matrix& stream) {
    const float factor =
        config_.mup_enabled ? std::sqrt(static_cast<float>(config_.hidden_size)) : 1.0F;
    const IndexRange& held = model_.weights().slice.vocabulary;
    for (int64_t row = 0; row < stream.rows(); ++row) {
      const int32_t id = step_.token_ids()[static_cast<size_t>(row)];
      if (id < held.begin || id >= held.end) continue;
      float* sum = found_.gradients.embed_tokens.Row(id - held.begin);
      for (int64_t i = 0; i < config_.hidden_size; ++i) sum[i] += factor * stream.Row(row)[i];
    }
  }

  const Model& model_;
  const Config& config_;
  Step step_;
  std::vector<int32_t> targets_;   // of the step's rows
  std::vector<Activations> kept_;  // [layers]
  Activations last_;               // after them
  LossAndGradients found_;
};

}  // namespace

void CheckHasLoss(const Model& model, std::span<const std::vector<int32_t>> sequences) {
  CheckWeights(model.weights());
  CheckSequences(model.config(), sequences);
}

LossAndGradients ComputeGradients(const Model& model,
                                  std::span<const std::vector<int32_t>> sequences) {
  CheckHasLoss(model, sequences);
  return Backward(model, sequences).Run(sequences);
}

}  // namespace trinity

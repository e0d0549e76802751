#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/head_group.h"
#include "model/model.h"
#include "model/step.h"
#include "model/weights.h"
#include "parallel/communicator.h"
#include "train/gradients.h"

namespace trinity {

// The way back through Attention::Forward, of sequences that begin with the step: with p the
// softmax weights of a query, o = p V and dp = do V^T,
//   ds = p (dp - sum(p dp)),  dq = ds K / sqrt(head_dim),  dK = ds^T q / sqrt(head_dim),  dV = p^T
//   do.
// Softmax weights and unnormed queries and keys are not kept but computed again.
//
// A rank of several goes back through its query heads. Where a kv head stands on several ranks,
// each has what its own query heads give to the gradients of keys and values.
class AttentionGradient {
 public:
  AttentionGradient(const Model& model, size_t layer)
      : config_(model.config()),
        slice_(model.weights().slice),
        plan_(model.plans()[layer]),
        weights_(model.weights().layers[layer].attention),
        pool_(model.pool()),
        ranks_(model.ranks()),
        groups_(HeadGroupsOf(config_, slice_)) {}

  // `output_gradient`: of a.attention_output. input_gradient, zero before, becomes that of
  // a.attention_input, on every rank.
  void Add(const Step& step, const Activations& a, const Matrix& output_gradient,
           Matrix& input_gradient, AttentionGradients& gradients) const;

 private:
  // Gradients of what the projections give, [rows, heads of the rank, head_dim]: of query and key
  // after norm and RoPE at first.
  struct HeadGradients {
    Matrix query, key, value, gate;
  };
  // What the queries of one row see of one kv head: rows from `first` on.
  struct VisibleRows {
    int64_t first = 0;
    std::vector<const float*> keys, values;  // [head_dim] each
  };
  struct Buffers {
    const Activations& a;
    const Matrix& attended_gradient;  // [rows, query heads of the rank, head_dim]
    HeadGradients& heads;
  };
  struct HeadPlace {
    int64_t row;
    int64_t offset;  // of the head within it
  };

  // All of one kv head in one sequence.
  void AttendBackward(const StepSequence& sequence, const HeadGroup& group,
                      const Buffers& buffers) const;
  void RowBackward(int64_t row, const HeadGroup& heads, const VisibleRows& visible,
                   const Buffers& buffers) const;
  // From the gradient of a gated output to those of the output [head_dim] and of the gate;
  // `weights`: the softmax weights of what is visible.
  void UndoGate(const HeadPlace& place, const VisibleRows& visible, const float* weights,
                const Buffers& buffers, float* output_gradient) const;
  // From normed and rotated heads to heads as projected. norm_gradient [head_dim] += that of these
  // heads.
  void UndoNormAndRope(const Activations& a, const PackedMatrix& projection, const Norm& norm,
                       Matrix& head_gradient, float* norm_gradient) const;
  // Of norms that all heads share, from those of this rank's heads: [2, head_dim], query and key.
  void AddNormGradients(Matrix& of_own_heads, AttentionGradients& gradients) const;
  // weight_gradient += that of k_proj or v_proj, from the gradient of its outputs.
  void AddKeyValueGradient(const Matrix& head_gradient, const Activations& a,
                           Matrix& weight_gradient) const;

  const Config& config_;
  const RankSlice& slice_;
  const LayerPlan& plan_;
  const AttentionWeights& weights_;
  ThreadPool& pool_;
  Communicator& ranks_;
  std::vector<HeadGroup> groups_;
};

}  // namespace trinity

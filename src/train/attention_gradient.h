#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/step.h"
#include "model/weights.h"
#include "train/gradients.h"

namespace trinity {

// The way back through Attention::Forward, of sequences that begin with the step: with p the
// softmax weights of a query, o = p V and dp = do V^T,
//   ds = p (dp - sum(p dp)),  dq = ds K / sqrt(head_dim),  dK = ds^T q / sqrt(head_dim),  dV = p^T
//   do.
// Softmax weights and unnormed queries and keys are not kept but computed again.
class AttentionGradient {
 public:
  AttentionGradient(const Config& config, const LayerPlan& plan, const AttentionWeights& weights,
                    ThreadPool& pool)
      : config_(config), plan_(plan), weights_(weights), pool_(pool) {}

  // `output_gradient`: of a.attention_output. input_gradient += that of a.attention_input.
  void Add(const Step& step, const Activations& a, const Matrix& output_gradient,
           Matrix& input_gradient, AttentionGradients& gradients) const;

 private:
  // Gradients of what the projections give, [rows, heads, head_dim]: of query and key after norm
  // and RoPE at first.
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
    const Matrix& attended_gradient;  // [rows, num_attention_heads, head_dim]
    HeadGradients& heads;
  };
  struct HeadPlace {
    int64_t row;
    int64_t offset;  // of the head within it
  };

  // All of one kv head in one sequence.
  void AttendBackward(const StepSequence& sequence, int64_t kv_head, const Activations& a,
                      const Matrix& attended_gradient, HeadGradients& heads) const;
  void RowBackward(int64_t row, int64_t kv_head, const VisibleRows& visible,
                   const Buffers& buffers) const;
  // From the gradient of a gated output to those of the output [head_dim] and of the gate;
  // `weights`: the softmax weights of what is visible.
  void UndoGate(const HeadPlace& place, const VisibleRows& visible, const float* weights,
                const Buffers& buffers, float* output_gradient) const;
  // From normed and rotated heads to heads as projected.
  void UndoNormAndRope(const Activations& a, const PackedMatrix& projection, const Norm& norm,
                       Matrix& head_gradient, Matrix& norm_gradient) const;

  const Config& config_;
  const LayerPlan& plan_;
  const AttentionWeights& weights_;
  ThreadPool& pool_;
};

}  // namespace trinity

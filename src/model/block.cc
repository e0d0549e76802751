#include "model/block.h"

#include "kernels/elementwise.h"
#include "model/projection.h"

namespace trinity {

Block::Block(const Config& config, const Rank& rank, const LayerPlan& plan,
             const LayerWeights& weights, int64_t layer_of_kind, ThreadPool& pool)
    : weights_(weights),
      attention_(config, rank.slice, plan, weights.attention, layer_of_kind, pool),
      feed_forward_(MakeFeedForward(config, weights, pool)),
      pool_(pool),
      group_(rank.group) {}

void Block::Forward(const Step& step, Activations& a) const {
  NormRows(a.block_input, weights_.input_layernorm, a.attention_input);
  attention_.Forward(step, a);
  SumOverRanks(a.attention_output);
  NormRows(a.attention_output, weights_.post_attention_layernorm, a.attention_branch);
  AddRows(a.block_input, a.attention_branch, a.middle);

  NormRows(a.middle, weights_.pre_mlp_layernorm, a.mlp_input);
  feed_forward_->Forward(a);
  SumOverRanks(a.mlp_output);
  NormRows(a.mlp_output, weights_.post_mlp_layernorm, a.mlp_branch);
  AddRows(a.middle, a.mlp_branch, a.block_output);
}

// Each rank has computed its heads or columns alone, so that the branch is the sum of all.
void Block::SumOverRanks(Matrix& branch) const { group_.Sum(branch.values()); }

void Block::NormRows(const Matrix& input, const Norm& norm, Matrix& output) const {
  output.Resize(input.rows(), input.cols());
  ForEachRow(pool_, input.rows(),
             [&](int64_t row) { norm.Apply(input.Row(row), output.Row(row)); });
}

void Block::AddRows(const Matrix& stream, const Matrix& branch, Matrix& output) const {
  output.Resize(stream.rows(), stream.cols());
  ForEachRow(pool_, stream.rows(), [&](int64_t row) {
    Add(stream.Row(row), branch.Row(row), stream.cols(), output.Row(row));
  });
}

}  // namespace trinity

#include "plan/backward_plan.h"

#include <algorithm>

namespace trinity {
namespace {

// Of the gradients of a rank, float32, by where the way back comes to them.
struct GradientFloats {
  double head = 0;
  double layers = 0;  // of all layers, what dense and MoE layers alike have
  double dense = 0, moe = 0;
  double embedding = 0;
  double largest_tensor = 0;  // whole

  double total() const { return head + layers + dense + moe + embedding; }
};

GradientFloats CountGradients(const Config& config, std::span<const PlannedTensor> tensors,
                              const RankSlice& slice) {
  GradientFloats floats;
  for (const PlannedTensor& tensor : tensors) {
    const double held =
        static_cast<double>(tensor.HeldCount(slice)) * tensor.HeldValues(config, slice);
    floats.largest_tensor =
        std::max(floats.largest_tensor, static_cast<double>(tensor.rows * tensor.cols));
    switch (tensor.parameter_class) {
      case ParameterClass::kHead:
        floats.head += held;
        break;
      case ParameterClass::kEmbedding:
        (config.tie_word_embeddings ? floats.head : floats.embedding) += held;
        break;
      case ParameterClass::kDense:
        floats.dense += held;
        break;
      case ParameterClass::kRoutedExperts:
      case ParameterClass::kSharedExperts:
      case ParameterClass::kRouter:
        floats.moe += held;
        break;
      case ParameterClass::kAttention:
      case ParameterClass::kNorms:
        floats.layers += held;
        break;
    }
  }
  return floats;
}

// What a layer keeps of a row.
struct KeptFloats {
  double dense_layer, moe_layer;
};

KeptFloats CountKept(const Config& c, const RankSlice& slice) {
  const int64_t query = slice.query_heads.size() * c.head_dim;
  const int64_t key_value = slice.kv_heads.size() * c.head_dim;
  const int64_t of_each = 8 * c.hidden_size + 3 * query + 2 * key_value + c.head_dim;
  const int64_t choices = c.num_experts_per_tok;
  const int64_t of_experts = 2 * c.num_experts + 4 * choices +
                             3 * choices * slice.expert_cols.size() + 3 * slice.shared_cols.size();
  return {static_cast<double>(of_each + 3 * slice.dense_cols.size()),
          static_cast<double>(of_each + of_experts)};
}

// What the way back takes of a row, in one layer after another, and the logits.
double CountBuffers(const Config& c, const RankSlice& slice) {
  const int64_t query = slice.query_heads.size() * c.head_dim;
  const int64_t key_value = slice.kv_heads.size() * c.head_dim;
  const int64_t widest =
      std::max({slice.dense_cols.size(), slice.expert_cols.size(), slice.shared_cols.size()});
  return static_cast<double>(slice.vocabulary.size() + 10 * c.hidden_size + 4 * query +
                             2 * key_value + 2 * widest);
}

}  // namespace

int64_t BackwardBytes(const Config& config, std::span<const PlannedTensor> tensors,
                      const RankGrid& ranks, int rank, int64_t rows) {
  const RankSlice slice = SliceOf(config, ranks, rank);
  const GradientFloats gradients = CountGradients(config, tensors, slice);
  const KeptFloats kept = CountKept(config, slice);
  const auto num_layers = static_cast<double>(config.num_hidden_layers);
  const auto dense_layers = static_cast<double>(config.num_dense_layers);
  const double moe_layers = num_layers - dense_layers;
  const auto num_rows = static_cast<double>(rows);
  const auto kept_of = [&](double dense, double moe) {
    return num_rows * (dense * kept.dense_layer + moe * kept.moe_layer);
  };
  // The way back begins with the MoE layers, which are the last.
  const double at_head = gradients.head + kept_of(dense_layers, moe_layers);
  const double between = gradients.head + gradients.moe +
                         gradients.layers * moe_layers / num_layers +
                         kept_of(dense_layers, std::min(1.0, moe_layers));
  const double at_end = gradients.total() + kept_of(std::min(1.0, dense_layers), 1);
  const double on_the_way =
      std::max({at_head, between, at_end}) + num_rows * CountBuffers(config, slice);
  // Gathered, put together, and what it is compared with.
  const double tensors_at_once = rank > 0 ? 0 : ranks.num_ranks > 1 ? 3 : 1;
  const double compared = gradients.total() + tensors_at_once * gradients.largest_tensor;
  return static_cast<int64_t>(std::max(on_the_way, compared)) * static_cast<int64_t>(sizeof(float));
}

}  // namespace trinity

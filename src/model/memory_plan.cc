#include "model/memory_plan.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <vector>

#include "base/error.h"
#include "model/tensor_names.h"

namespace trinity {
namespace {

// The bounds of Config allow products beyond 64 bits, but none beyond 128.
using Wide = __int128;

Wide Product(std::initializer_list<int64_t> factors) {
  Wide product = 1;
  for (const int64_t factor : factors) product *= factor;
  return product;
}

int64_t Narrow(Wide value) {
  // Leaves room for the sum over all classes.
  constexpr Wide kLargest = std::numeric_limits<int64_t>::max() / int64_t{kNumParameterClasses};
  if (value > kLargest) Fail("config: its sizes come to more than 2^60 parameters or bytes");
  return static_cast<int64_t>(value);
}

// Parameters of one class in one dtype.
struct Count {
  Wide stored = 0;
  Wide active = 0;
};

WeightCount InBytes(const Count& count, DType dtype) {
  const int64_t value_bytes = BytesOf(dtype, 1);
  return {Narrow(count.stored), Narrow(count.stored * value_bytes), Narrow(count.active),
          Narrow(count.active * value_bytes)};
}

WeightCount Sum(const WeightCount& a, const WeightCount& b) {
  return {a.parameters + b.parameters, a.bytes + b.bytes, a.active_parameters + b.active_parameters,
          a.active_bytes + b.active_bytes};
}

Count AllActive(Wide parameters) { return {parameters, parameters}; }

// `share` of each thing by which `whole` is counted is read for one token.
WeightCount Active(const WeightCount& all, int64_t share, int64_t whole) {
  WeightCount count = all;
  count.active_parameters = Narrow(Wide{all.parameters} * share / whole);
  count.active_bytes = Narrow(Wide{all.bytes} * share / whole);
  return count;
}

}  // namespace

std::string_view NameOf(ParameterClass parameter_class) {
  switch (parameter_class) {
    case ParameterClass::kEmbedding:
      return "embedding";
    case ParameterClass::kHead:
      return "head";
    case ParameterClass::kAttention:
      return "attention";
    case ParameterClass::kDense:
      return "dense mlp";
    case ParameterClass::kRoutedExperts:
      return "routed experts";
    case ParameterClass::kSharedExperts:
      return "shared experts";
    case ParameterClass::kRouter:
      return "router";
    case ParameterClass::kNorms:
      return "norms";
  }
  return "";
}

WeightCount WeightPlan::Total() const {
  WeightCount total;
  for (const WeightCount& count : classes) total = Sum(total, count);
  return total;
}

WeightPlan PlanWeights(const Config& c, DType dtype) {
  const int64_t layers = c.num_hidden_layers, hidden = c.hidden_size;
  const int64_t moe_layers = layers - c.num_dense_layers;
  const Wide embedding = Product({c.vocab_size, hidden});
  const Wide expert = Product({3, c.moe_intermediate_size, hidden});
  const Wide shared = Product({3, c.moe_intermediate_size, c.num_shared_experts, hidden});
  const Wide attention = Product({3, c.query_size(), hidden}) +  // q, gate, o
                         Product({2, c.key_value_size(), hidden});

  WeightPlan plan;
  plan.Of(ParameterClass::kEmbedding) = InBytes({embedding, hidden}, dtype);
  plan.Of(ParameterClass::kHead) =
      InBytes({c.tie_word_embeddings ? 0 : embedding, embedding}, dtype);
  plan.Of(ParameterClass::kAttention) = InBytes(AllActive(attention * layers), dtype);
  plan.Of(ParameterClass::kDense) =
      InBytes(AllActive(Product({3, c.intermediate_size, hidden, c.num_dense_layers})), dtype);
  plan.Of(ParameterClass::kRoutedExperts) = InBytes(
      {expert * moe_layers * c.num_experts, expert * moe_layers * c.num_experts_per_tok}, dtype);
  plan.Of(ParameterClass::kSharedExperts) = InBytes(AllActive(shared * moe_layers), dtype);
  plan.Of(ParameterClass::kRouter) =
      Sum(InBytes(AllActive(Product({c.num_experts, hidden, moe_layers})), dtype),
          InBytes(AllActive(Product({c.num_experts, moe_layers})), DType::kF32));
  plan.Of(ParameterClass::kNorms) =
      InBytes(AllActive(Product({layers, 4 * hidden + 2 * c.head_dim}) + hidden), dtype);
  return plan;
}

std::optional<ParameterClass> FindParameterClass(std::string_view name) {
  if (name == tensor_names::kEmbedTokens) return ParameterClass::kEmbedding;
  if (name == tensor_names::kLmHead) return ParameterClass::kHead;
  if (name == tensor_names::kNorm) return ParameterClass::kNorms;
  if (!name.starts_with("model.layers.")) return std::nullopt;
  const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
  if (name.ends_with("norm.weight")) return ParameterClass::kNorms;
  if (has(".self_attn.") && name.ends_with("_proj.weight")) return ParameterClass::kAttention;
  if (has(".mlp.experts.")) return ParameterClass::kRoutedExperts;
  if (has(".mlp.shared_experts.")) return ParameterClass::kSharedExperts;
  if (has(".mlp.router.") || name.ends_with(".mlp.expert_bias")) return ParameterClass::kRouter;
  if (has(".mlp.")) return ParameterClass::kDense;
  return std::nullopt;
}

WeightPlan PlanWeights(const Config& config, const Checkpoint& checkpoint) {
  WeightPlan plan;
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const std::optional<ParameterClass> parameter_class = FindParameterClass(tensor.name);
    if (!parameter_class) continue;
    // A tied head may be stored all the same; it is not read.
    if (config.tie_word_embeddings && *parameter_class == ParameterClass::kHead) continue;
    const int64_t parameters = tensor.num_values();
    WeightCount& count = plan.Of(*parameter_class);
    count = Sum(count, {parameters, tensor.num_bytes, parameters, tensor.num_bytes});
  }
  WeightCount& embedding = plan.Of(ParameterClass::kEmbedding);
  if (config.tie_word_embeddings) {
    plan.Of(ParameterClass::kHead) = {0, 0, embedding.parameters, embedding.bytes};
  }
  embedding = Active(embedding, 1, config.vocab_size);
  WeightCount& experts = plan.Of(ParameterClass::kRoutedExperts);
  experts = Active(experts, config.num_experts_per_tok, config.num_experts);
  return plan;
}

KvBytes PlanKv(const Config& config, DType dtype, int64_t num_tokens) {
  const int64_t token_bytes = BytesOf(dtype, 2 * config.key_value_size());  // of one layer
  const int64_t held = std::min(num_tokens, config.sliding_window.value_or(num_tokens));
  KvBytes bytes;
  bytes.full =
      Narrow(Product({token_bytes, config.num_layers_of(AttentionKind::kFull), num_tokens}));
  bytes.sliding =
      Narrow(Product({token_bytes, config.num_layers_of(AttentionKind::kSliding), held}));
  return bytes;
}

}  // namespace trinity

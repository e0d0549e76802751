#include "plan/planned_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/check.h"
#include "kernels/packed_matrix.h"
#include "model/tensor_names.h"

namespace trinity {
namespace {

using tensor_names::OfLayer;

// A tensor by name, its format not yet known.
struct NamedTensor {
  std::string name;
  std::vector<int64_t> shape;
  TensorCut cut;
};

void AddMlp(const std::string& prefix, int64_t intermediate_size, int64_t hidden_size,
            TensorCut rows, TensorCut cols, std::vector<NamedTensor>& tensors) {
  tensors.push_back({prefix + "gate_proj.weight", {intermediate_size, hidden_size}, rows});
  tensors.push_back({prefix + "up_proj.weight", {intermediate_size, hidden_size}, rows});
  tensors.push_back({prefix + "down_proj.weight", {hidden_size, intermediate_size}, cols});
}

void AddLayer(const Config& c, int64_t layer, const LayerPlan& plan,
              std::vector<NamedTensor>& tensors) {
  const int64_t hidden = c.hidden_size;
  const auto add = [&](std::string_view part, std::vector<int64_t> shape, TensorCut cut) {
    tensors.push_back({OfLayer(layer, part), std::move(shape), cut});
  };
  add("self_attn.q_proj.weight", {c.query_size(), hidden}, TensorCut::kQueryRows);
  add("self_attn.k_proj.weight", {c.key_value_size(), hidden}, TensorCut::kKeyValueRows);
  add("self_attn.v_proj.weight", {c.key_value_size(), hidden}, TensorCut::kKeyValueRows);
  add("self_attn.gate_proj.weight", {c.query_size(), hidden}, TensorCut::kQueryRows);
  add("self_attn.o_proj.weight", {hidden, c.query_size()}, TensorCut::kQueryCols);
  for (const char* norm : {"q_norm", "k_norm"}) {
    add(fmt::format("self_attn.{}.weight", norm), {c.head_dim}, TensorCut::kWhole);
  }
  for (const char* norm : {"input", "post_attention", "pre_mlp", "post_mlp"}) {
    add(fmt::format("{}_layernorm.weight", norm), {hidden}, TensorCut::kWhole);
  }
  if (plan.feed_forward == FeedForwardKind::kDense) {
    AddMlp(OfLayer(layer, "mlp."), c.intermediate_size, hidden, TensorCut::kDenseRows,
           TensorCut::kDenseCols, tensors);
    return;
  }
  const int64_t experts = c.num_experts, cols = c.moe_intermediate_size;
  add("mlp.router.gate.weight", {experts, hidden}, TensorCut::kWhole);
  add("mlp.expert_bias", {experts}, TensorCut::kWhole);
  add(tensor_names::kStackedGate, {experts, cols, hidden}, TensorCut::kExpertRows);
  add(tensor_names::kStackedUp, {experts, cols, hidden}, TensorCut::kExpertRows);
  add(tensor_names::kStackedDown, {experts, hidden, cols}, TensorCut::kExpertCols);
  if (c.num_shared_experts > 0) {
    AddMlp(OfLayer(layer, "mlp.shared_experts."), c.shared_intermediate_size(), hidden,
           TensorCut::kSharedRows, TensorCut::kSharedCols, tensors);
  }
}

std::vector<NamedTensor> ListTensors(const Config& config) {
  const std::vector<int64_t> table = {config.vocab_size, config.hidden_size};
  std::vector<NamedTensor> tensors = {
      {std::string(tensor_names::kEmbedTokens), table, TensorCut::kVocabularyRows},
      {std::string(tensor_names::kNorm), {config.hidden_size}, TensorCut::kWhole}};
  const std::vector<LayerPlan> plans = PlanLayers(config);
  for (size_t i = 0; i < plans.size(); ++i) {
    AddLayer(config, static_cast<int64_t>(i), plans[i], tensors);
  }
  if (!config.tie_word_embeddings) {
    tensors.push_back({std::string(tensor_names::kLmHead), table, TensorCut::kVocabularyRows});
  }
  return tensors;
}

PlannedTensor Plan(const NamedTensor& tensor, DType dtype) {
  PlannedTensor planned;
  planned.parameter_class = FindParameterClass(tensor.name).value();
  planned.cols = tensor.shape.back();
  planned.is_matrix = tensor.shape.size() > 1;
  if (planned.is_matrix) planned.rows = tensor.shape[tensor.shape.size() - 2];
  if (tensor.shape.size() > 2) planned.count = tensor.shape.front();
  planned.dtype = planned.is_matrix ? dtype : DType::kF32;
  planned.cut = tensor.cut;
  return planned;
}

// The format of one tensor of a model in `recipe`.
DType DTypeIn(QuantRecipe recipe, const NamedTensor& tensor, const Config& config) {
  const ModelTensor model_tensor = {
      tensor.name, tensor.shape, FindParameterClass(tensor.name).value(), {}};
  if (model_tensor.parameter_class == ParameterClass::kRouter) return DType::kF32;
  return FitDType(ChooseDType(recipe, model_tensor, config, false), model_tensor.cols());
}

constexpr std::pair<std::string_view, DType> kPlainTypes[] = {
    {"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}};

}  // namespace

PlannedTensor::Shape PlannedTensor::HeldShape(const Config& config, const RankSlice& slice) const {
  int64_t held_rows = rows, held_cols = cols;
  switch (cut) {
    case TensorCut::kWhole:
      break;
    case TensorCut::kQueryRows:
      held_rows = slice.query_heads.size() * config.head_dim;
      break;
    case TensorCut::kQueryCols:
      held_cols = slice.query_heads.size() * config.head_dim;
      break;
    case TensorCut::kKeyValueRows:
      held_rows = slice.kv_heads.size() * config.head_dim;
      break;
    case TensorCut::kDenseRows:
      held_rows = slice.dense_cols.size();
      break;
    case TensorCut::kDenseCols:
      held_cols = slice.dense_cols.size();
      break;
    case TensorCut::kExpertRows:
      held_rows = slice.expert_cols.size();
      break;
    case TensorCut::kExpertCols:
      held_cols = slice.expert_cols.size();
      break;
    case TensorCut::kSharedRows:
      held_rows = slice.shared_cols.size();
      break;
    case TensorCut::kSharedCols:
      held_cols = slice.shared_cols.size();
      break;
    case TensorCut::kVocabularyRows:
      held_rows = slice.vocabulary.size();
      break;
  }
  return {held_rows, held_cols};
}

int64_t PlannedTensor::ResidentBytes(const Config& config, const RankSlice& slice) const {
  const Shape held = HeldShape(config, slice);
  if (held.rows == 0 || held.cols == 0) return 0;
  if (!is_matrix) return BytesOf(DType::kF32, held.cols);
  return PackedBytes(dtype, held.rows, held.cols);
}

double PlannedTensor::HeldValues(const Config& config, const RankSlice& slice) const {
  const Shape held = HeldShape(config, slice);
  return static_cast<double>(held.rows) * static_cast<double>(held.cols);
}

std::vector<std::string> PlannedTypeNames() {
  std::vector<std::string> names;
  for (const auto& [name, dtype] : kPlainTypes) names.emplace_back(name);
  names.insert(names.end(), std::begin(kQuantRecipeNames), std::end(kQuantRecipeNames));
  return names;
}

std::vector<PlannedTensor> PlanTensors(const Config& config, std::string_view type) {
  const auto* const plain = std::find_if(std::begin(kPlainTypes), std::end(kPlainTypes),
                                         [type](const auto& p) { return p.first == type; });
  std::vector<PlannedTensor> planned;
  for (const NamedTensor& tensor : ListTensors(config)) {
    planned.push_back(Plan(tensor, plain != std::end(kPlainTypes)
                                       ? plain->second
                                       : DTypeIn(FindQuantRecipe(type).value(), tensor, config)));
  }
  return planned;
}

std::vector<PlannedTensor> PlanTensors(const Config& config, const Checkpoint& checkpoint) {
  std::map<std::string, DType> dtypes;
  for (const ModelTensor& tensor : ListModelTensors(config, checkpoint)) {
    dtypes[tensor.name] = tensor.rows.front().tensor->dtype;
  }
  std::vector<PlannedTensor> planned;
  for (const NamedTensor& tensor : ListTensors(config)) {
    planned.push_back(Plan(tensor, dtypes.at(tensor.name)));
  }
  return planned;
}

}  // namespace trinity

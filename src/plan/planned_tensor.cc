#include "plan/planned_tensor.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "kernels/packed_matrix.h"

namespace trinity {
namespace {

// By the name of a tensor and what part of the model it belongs to.
TensorCut CutOf(std::string_view name, ParameterClass parameter_class) {
  const bool is_down = name.ends_with("down_proj.weight");
  switch (parameter_class) {
    case ParameterClass::kEmbedding:
    case ParameterClass::kHead:
      return TensorCut::kVocabularyRows;
    case ParameterClass::kAttention:
      if (name.ends_with("o_proj.weight")) return TensorCut::kQueryCols;
      return name.ends_with("k_proj.weight") || name.ends_with("v_proj.weight")
                 ? TensorCut::kKeyValueRows
                 : TensorCut::kQueryRows;
    case ParameterClass::kDense:
      return is_down ? TensorCut::kDenseCols : TensorCut::kDenseRows;
    case ParameterClass::kRoutedExperts:
      return is_down ? TensorCut::kExpertCols : TensorCut::kExpertRows;
    case ParameterClass::kSharedExperts:
      return is_down ? TensorCut::kSharedCols : TensorCut::kSharedRows;
    case ParameterClass::kRouter:
    case ParameterClass::kNorms:
      return TensorCut::kWhole;
  }
  return TensorCut::kWhole;
}

PlannedTensor Plan(const ModelShape& tensor, DType dtype) {
  PlannedTensor planned;
  planned.parameter_class = FindParameterClass(tensor.name).value();
  planned.cols = tensor.shape.back();
  planned.is_matrix = tensor.shape.size() > 1;
  if (planned.is_matrix) planned.rows = tensor.shape[tensor.shape.size() - 2];
  if (tensor.shape.size() > 2) planned.count = tensor.shape.front();
  planned.dtype = planned.is_matrix ? dtype : DType::kF32;
  planned.cut = CutOf(tensor.name, planned.parameter_class);
  return planned;
}

// The format of one tensor of a model in `recipe`.
DType DTypeIn(QuantRecipe recipe, const ModelShape& tensor, const Config& config) {
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
  for (const ModelShape& tensor : ListModelShapes(config)) {
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
  for (const ModelShape& tensor : ListModelShapes(config)) {
    planned.push_back(Plan(tensor, dtypes.at(tensor.name)));
  }
  return planned;
}

}  // namespace trinity

#include "model/tensor_cut.h"

namespace trinity {
namespace {

IndexRange TimesHeadDim(const IndexRange& heads, const Config& config) {
  return {heads.begin * config.head_dim, heads.end * config.head_dim};
}

}  // namespace

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

MatrixPart HeldPart(TensorCut cut, const MatrixPart& whole, const Config& config,
                    const RankSlice& slice) {
  const auto rows = [&](const IndexRange& held) { return MatrixPart{held, whole.cols}; };
  const auto cols = [&](const IndexRange& held) { return MatrixPart{whole.rows, held}; };
  switch (cut) {
    case TensorCut::kWhole:
      return whole;
    case TensorCut::kQueryRows:
      return rows(TimesHeadDim(slice.query_heads, config));
    case TensorCut::kQueryCols:
      return cols(TimesHeadDim(slice.query_heads, config));
    case TensorCut::kKeyValueRows:
      return rows(TimesHeadDim(slice.kv_heads, config));
    case TensorCut::kDenseRows:
      return rows(slice.dense_cols);
    case TensorCut::kDenseCols:
      return cols(slice.dense_cols);
    case TensorCut::kExpertRows:
      return rows(slice.expert_cols);
    case TensorCut::kExpertCols:
      return cols(slice.expert_cols);
    case TensorCut::kSharedRows:
      return rows(slice.shared_cols);
    case TensorCut::kSharedCols:
      return cols(slice.shared_cols);
    case TensorCut::kVocabularyRows:
      return rows(slice.vocabulary);
  }
  return whole;
}

}  // namespace trinity

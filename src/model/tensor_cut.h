#pragma once

#include <cstdint>
#include <string_view>

#include "model/config.h"
#include "model/memory_plan.h"
#include "model/rank_slice.h"

namespace trinity {

// Which part of a tensor a rank holds.
enum class TensorCut : uint8_t {
  kWhole,
  kQueryRows,     // rows of its query heads
  kQueryCols,     // columns of its query heads
  kKeyValueRows,  // rows of its kv heads
  kDenseRows,     // rows of its columns of the hidden layer, and so on
  kDenseCols,
  kExpertRows,
  kExpertCols,
  kSharedRows,
  kSharedCols,
  kVocabularyRows,
};

// By the name of a tensor and what part of the model it belongs to.
TensorCut CutOf(std::string_view name, ParameterClass parameter_class);

struct MatrixPart {
  IndexRange rows;
  IndexRange cols;
};

// What a rank with this slice holds of a matrix [rows, cols] that is cut so; of experts, of each
// that it holds.
MatrixPart HeldPart(TensorCut cut, const MatrixPart& whole, const Config& config,
                    const RankSlice& slice);

}  // namespace trinity

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "convert/quant_recipe.h"
#include "model/config.h"

namespace trinity {

// In what the matrices of a whole model are stored: one of F32, F16 and BF16, or block formats.
using WeightType = std::variant<DType, QuantRecipe>;

// f32, f16, bf16 and those of kQuantRecipeNames.
std::vector<std::string> WeightTypeNames();

// By its name in WeightTypeNames().
std::optional<WeightType> FindWeightType(std::string_view name);

// general.file_type of GGUF.
uint32_t FileTypeOf(WeightType type);

// The dtype of a tensor in a GGUF file of this type: norms, biases and the router F32 in every one.
// Without importance.
DType DTypeIn(WeightType type, const ModelTensor& tensor, const Config& config);

}  // namespace trinity

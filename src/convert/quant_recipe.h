#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/dtype.h"
#include "convert/model_tensors.h"
#include "model/config.h"

namespace trinity {

// Which block format each matrix of a model gets, by the names that people know from llama.cpp.
enum class QuantRecipe { kQ8_0, kQ6_K, kQ5_K_M, kQ4_K_M, kQ4_0, kIQ4_XS, kMXFP4 };

inline constexpr std::string_view kQuantRecipeNames[] = {"q8_0", "q6_k",   "q5_k_m", "q4_k_m",
                                                         "q4_0", "iq4_xs", "mxfp4"};

// By its name in kQuantRecipeNames.
std::optional<QuantRecipe> FindQuantRecipe(std::string_view name);

// general.file_type of GGUF.
uint32_t FileTypeOf(QuantRecipe recipe);

// The format of a matrix. Router, norms and biases are F32 in every recipe. The mixtures:
//   q4_k_m, q5_k_m  Q6_K for the head, and for v_proj and all down_proj in the first and the last
//                   eighth of the layers and every third layer between
//   q4_0            Q6_K for the head
//   iq4_xs          Q6_K for the head; Q5_K for v_proj where four or more heads share it, and for
//                   down_proj in the first eighth of the layers where there is no importance
//   mxfp4           MXFP4 for the routed experts, Q8_0 for all else
// A tied embedding counts as head. Source: llama.cpp, src/llama-quant.cpp.
DType ChooseDType(QuantRecipe recipe, const ModelTensor& tensor, const Config& config,
                  bool has_importance);

// The format for rows of `cols` values: `dtype`, or where its blocks do not divide them the nearest
// format of shorter blocks, or F16 where none divides them.
DType FitDType(DType dtype, int64_t cols);

}  // namespace trinity

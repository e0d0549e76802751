#include "checkpoint/gguf_format.h"

#include <fmt/format.h>

namespace trinity {
namespace {

struct TensorType {
  uint32_t id;
  std::string_view name;
  std::optional<DType> dtype;  // absent: not implemented
};

// Ids that are missing here belonged to types that were taken out of the format.
constexpr TensorType kTensorTypes[] = {{0, "F32", DType::kF32},
                                       {1, "F16", DType::kF16},
                                       {2, "Q4_0", DType::kQ4_0},
                                       {3, "Q4_1", DType::kQ4_1},
                                       {6, "Q5_0", DType::kQ5_0},
                                       {7, "Q5_1", DType::kQ5_1},
                                       {8, "Q8_0", DType::kQ8_0},
                                       {9, "Q8_1", {}},
                                       {10, "Q2_K", DType::kQ2_K},
                                       {11, "Q3_K", DType::kQ3_K},
                                       {12, "Q4_K", DType::kQ4_K},
                                       {13, "Q5_K", DType::kQ5_K},
                                       {14, "Q6_K", DType::kQ6_K},
                                       {15, "Q8_K", {}},
                                       {16, "IQ2_XXS", {}},
                                       {17, "IQ2_XS", {}},
                                       {18, "IQ3_XXS", {}},
                                       {19, "IQ1_S", {}},
                                       {20, "IQ4_NL", DType::kIQ4_NL},
                                       {21, "IQ3_S", {}},
                                       {22, "IQ2_S", {}},
                                       {23, "IQ4_XS", DType::kIQ4_XS},
                                       {24, "I8", DType::kI8},
                                       {25, "I16", DType::kI16},
                                       {26, "I32", DType::kI32},
                                       {27, "I64", DType::kI64},
                                       {28, "F64", DType::kF64},
                                       {29, "IQ1_M", {}},
                                       {30, "BF16", DType::kBF16},
                                       {34, "TQ1_0", {}},
                                       {35, "TQ2_0", {}},
                                       {39, "MXFP4", DType::kMXFP4},
                                       {40, "NVFP4", {}}};

}  // namespace

int64_t SmallestBytesOf(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kArray:
      return 12;  // element type and count
    default:
      return 8;
  }
}

std::optional<DType> FindGgufDType(uint32_t id) {
  for (const TensorType& type : kTensorTypes) {
    if (type.id == id) return type.dtype;
  }
  return std::nullopt;
}

std::optional<uint32_t> FindGgufId(DType dtype) {
  for (const TensorType& type : kTensorTypes) {
    if (type.dtype == dtype) return type.id;
  }
  return std::nullopt;
}

std::string GgufDTypeText(uint32_t id) {
  for (const TensorType& type : kTensorTypes) {
    if (type.id == id) return fmt::format("{} ({})", type.name, id);
  }
  return fmt::format("{}", id);
}

}  // namespace trinity

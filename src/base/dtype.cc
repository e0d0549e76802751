#include "base/dtype.h"

#include <array>

#include "base/check.h"

namespace trinity {
namespace {

// In the order of the enumeration.
constexpr std::array<DTypeInfo, 26> kInfos = {
    {{"F32", 1, 4},        {"F16", 1, 2},      {"BF16", 1, 2},     {"F64", 1, 8},
     {"I64", 1, 8},        {"I32", 1, 4},      {"I16", 1, 2},      {"I8", 1, 1},
     {"U64", 1, 8},        {"U32", 1, 4},      {"U16", 1, 2},      {"U8", 1, 1},
     {"BOOL", 1, 1},       {"Q8_0", 32, 34},   {"Q4_0", 32, 18},   {"Q4_1", 32, 20},
     {"Q5_0", 32, 22},     {"Q5_1", 32, 24},   {"Q2_K", 256, 84},  {"Q3_K", 256, 110},
     {"Q4_K", 256, 144},   {"Q5_K", 256, 176}, {"Q6_K", 256, 210}, {"IQ4_NL", 32, 18},
     {"IQ4_XS", 256, 136}, {"MXFP4", 32, 17}}};
static_assert(kInfos.size() == static_cast<size_t>(DType::kMXFP4) + 1);

}  // namespace

const DTypeInfo& InfoOf(DType dtype) { return kInfos.at(static_cast<size_t>(dtype)); }

int64_t BytesOf(DType dtype, int64_t num_values) {
  const DTypeInfo& info = InfoOf(dtype);
  TRINITY_CHECK(num_values % info.block_values == 0);
  return num_values / info.block_values * info.block_bytes;
}

std::optional<DType> FindDType(std::string_view name) {
  for (size_t i = 0; i < kInfos.size(); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (kInfos[i].name == name && !IsBlockFormat(dtype)) return dtype;
  }
  return std::nullopt;
}

}  // namespace trinity

#include "base/dtype.h"

#include <array>

#include "base/check.h"

namespace trinity {
namespace {

constexpr std::array<DTypeInfo, 13> kInfos = {{{"F32", 1, 4},
                                               {"F16", 1, 2},
                                               {"BF16", 1, 2},
                                               {"F64", 1, 8},
                                               {"I64", 1, 8},
                                               {"I32", 1, 4},
                                               {"I16", 1, 2},
                                               {"I8", 1, 1},
                                               {"U64", 1, 8},
                                               {"U32", 1, 4},
                                               {"U16", 1, 2},
                                               {"U8", 1, 1},
                                               {"BOOL", 1, 1}}};

}  // namespace

const DTypeInfo& InfoOf(DType dtype) { return kInfos.at(static_cast<size_t>(dtype)); }

int64_t BytesOf(DType dtype, int64_t num_values) {
  const DTypeInfo& info = InfoOf(dtype);
  TRINITY_CHECK(num_values % info.block_values == 0);
  return num_values / info.block_values * info.block_bytes;
}

std::optional<DType> FindDType(std::string_view name) {
  for (size_t i = 0; i < kInfos.size(); ++i) {
    if (kInfos[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace trinity

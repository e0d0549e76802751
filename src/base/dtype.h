#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trinity {

// How the values of a tensor are stored. Names are those of the safetensors format; block formats
// store `block_values` consecutive values of a row in `block_bytes` bytes.
enum class DType : uint8_t {
  kF32,
  kF16,
  kBF16,
  kF64,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool
};

struct DTypeInfo {
  std::string_view name;
  int64_t block_values;
  int64_t block_bytes;
};

const DTypeInfo& InfoOf(DType dtype);

inline std::string_view NameOf(DType dtype) { return InfoOf(dtype).name; }

// Bytes of `num_values` values; num_values must be a multiple of block_values.
int64_t BytesOf(DType dtype, int64_t num_values);

// The dtype with this safetensors name, if there is one.
std::optional<DType> FindDType(std::string_view name);

}  // namespace trinity

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace trinity {

// How the values of a tensor are stored: the plain types of the safetensors format under its names,
// then the block formats of ggml under theirs, which store `block_values` consecutive values of a
// row in `block_bytes` bytes (quant/block_formats.h).
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
  kBool,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4
};

struct DTypeInfo {
  std::string_view name;
  int64_t block_values;
  int64_t block_bytes;
};

const DTypeInfo& InfoOf(DType dtype);

inline std::string_view NameOf(DType dtype) { return InfoOf(dtype).name; }

inline bool IsBlockFormat(DType dtype) { return InfoOf(dtype).block_values > 1; }

// Bytes of `num_values` values; num_values must be a multiple of block_values.
int64_t BytesOf(DType dtype, int64_t num_values);

// The dtype with this safetensors name, if there is one; that format has no block formats.
std::optional<DType> FindDType(std::string_view name);

}  // namespace trinity

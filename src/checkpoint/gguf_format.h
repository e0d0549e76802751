#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/dtype.h"

namespace trinity {

// The numbers of the GGUF format, shared by reader and writer. Source: ggml-org/ggml, docs/gguf.md.

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr uint32_t kGgufVersion = 3;
inline constexpr int64_t kGgufDefaultAlignment = 32;
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";

// Types of metadata values.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12
};

inline bool IsGgufType(uint32_t id) { return id <= static_cast<uint32_t>(GgufType::kF64); }

// Bytes of a value; of a string or an array at least these.
int64_t SmallestBytesOf(GgufType type);

// The dtype of a tensor with this type id, if it is one that we read.
std::optional<DType> FindGgufDType(uint32_t id);

// The type id of a dtype, if the format has it.
std::optional<uint32_t> FindGgufId(DType dtype);

// "IQ2_XXS (16)", or "42" for an id that the format does not have.
std::string GgufDTypeText(uint32_t id);

}  // namespace trinity

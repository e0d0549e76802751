#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "tests/support/paths.h"

namespace trinity {

inline constexpr DType kBlockFormats[] = {
    DType::kQ8_0,   DType::kQ4_0,   DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
    DType::kQ2_K,   DType::kQ3_K,   DType::kQ4_K, DType::kQ5_K, DType::kQ6_K,
    DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4};

// The bytes of a file that tools/make_quant_vectors.py made.
inline std::vector<std::byte> QuantVector(const std::string& name) {
  std::ifstream file(TestData("quant/" + name), std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

inline std::vector<float> FloatsAt(const std::byte* bytes, size_t count) {
  std::vector<float> values(count);
  std::memcpy(values.data(), bytes, count * sizeof(float));
  return values;
}

// Blocks with the values that the gguf package gives them.
struct QuantCase {
  std::vector<std::byte> blocks;
  std::vector<float> values;

  explicit QuantCase(DType dtype) {
    const std::vector<std::byte> bytes = QuantVector(std::string(NameOf(dtype)) + ".bin");
    const DTypeInfo& info = InfoOf(dtype);
    const size_t num_blocks =
        bytes.size() / static_cast<size_t>(info.block_bytes + 4 * info.block_values);
    const size_t num_block_bytes = num_blocks * static_cast<size_t>(info.block_bytes);
    blocks.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(num_block_bytes));
    values = FloatsAt(bytes.data() + num_block_bytes,
                      num_blocks * static_cast<size_t>(info.block_values));
  }
};

}  // namespace trinity

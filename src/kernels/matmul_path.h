#pragma once

#include <cstdint>

namespace trinity {

// The ways in which products of matrices are computed: which one ran depends on the form of the
// rows, their number and the CPU.
enum class MatMulPath : uint8_t {
  kFloat32,         // Highway, any target
  kInt8FewRows,     // AVX512-VNNI, codes as they are packed
  kInt8Avx512Vnni,  // expanded codes from here on
  kInt8Amx,
  kInt8AvxVnni,
  kInt8Avx2,
  kInt8NeonDot,
  kInt8Portable,  // Highway, any target
  kBf16Avx512,
  kBf16Amx,
  kBf16Widened,  // float32 products of BF16 rows
};
inline constexpr int kNumMatMulPaths = 11;

// Calls that took a path since the process began, over all threads.
int64_t MatMulCount(MatMulPath path);

void CountMatMul(MatMulPath path);

}  // namespace trinity

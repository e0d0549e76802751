#include "kernels/matmul_path.h"

#include <gtest/gtest.h>

#include <map>

#include "kernels/matmul.h"
#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

struct PathCase {
  DType dtype;
  ActivationForm form;
  int64_t num_rows;
  // By target; others take `otherwise`.
  std::map<std::string, MatMulPath> paths;
  MatMulPath otherwise;
};

std::vector<PathCase> Cases() {
  using enum MatMulPath;
  const std::map<std::string, MatMulPath> few = {
      {"AMX", kInt8FewRows},      {"AVX512_BF16", kInt8FewRows}, {"AVX512_VNNI", kInt8FewRows},
      {"AVX_VNNI", kInt8AvxVnni}, {"AVX3", kInt8Avx2},           {"AVX2", kInt8Avx2},
      {"NEON_DOT", kInt8NeonDot}};
  std::map<std::string, MatMulPath> many = few;
  many["AMX"] = kInt8Amx;
  many["AVX512_BF16"] = many["AVX512_VNNI"] = kInt8Avx512Vnni;
  const std::map<std::string, MatMulPath> bf16 = {{"AMX", kBf16Amx}, {"AVX512_BF16", kBf16Avx512}};
  return {{DType::kQ4_0, ActivationForm::kInt8, 1, few, kInt8Portable},
          {DType::kQ4_0, ActivationForm::kInt8, 16, few, kInt8Portable},
          {DType::kQ4_0, ActivationForm::kInt8, 17, many, kInt8Portable},
          {DType::kQ4_K, ActivationForm::kInt8, 8, few, kInt8Portable},
          {DType::kQ4_K, ActivationForm::kInt8, 9, many, kInt8Portable},
          {DType::kBF16, ActivationForm::kBFloat16, 1, bf16, kBf16Widened},
          {DType::kBF16, ActivationForm::kBFloat16, 40, bf16, kBf16Widened},
          {DType::kBF16, ActivationForm::kFloat32, 1, {}, kFloat32},
          {DType::kQ4_0, ActivationForm::kFloat32, 40, {}, kFloat32}};
}

TEST(MatMulPath, EachTargetTakesThePathThatItsInstructionsAllow) {
  constexpr int64_t kRows = 64, kCols = 256;
  OnEverySimdTarget([&] {
    for (const PathCase& c : Cases()) {
      const std::vector<std::byte> panels(static_cast<size_t>(PackedBytes(c.dtype, kRows, kCols)));
      const PackedMatrix matrix = {panels.data(), c.dtype, kRows, kCols};
      const std::vector<std::byte> row(static_cast<size_t>(PreparedRowBytes(c.form, kCols)));
      std::vector<float> output(kRows);
      const std::vector<const std::byte*> inputs(static_cast<size_t>(c.num_rows), row.data());
      const std::vector<float*> outputs(static_cast<size_t>(c.num_rows), output.data());
      const auto found = c.paths.find(ActiveSimdTarget());
      const MatMulPath expected = found == c.paths.end() ? c.otherwise : found->second;
      std::vector<int64_t> before;
      for (int i = 0; i < kNumMatMulPaths; ++i) {
        before.push_back(MatMulCount(static_cast<MatMulPath>(i)));
      }
      MatMulPanels(matrix, 0, 2, {c.form, inputs}, outputs, Output::kOverwrite);
      for (int i = 0; i < kNumMatMulPaths; ++i) {
        const auto path = static_cast<MatMulPath>(i);
        EXPECT_EQ(MatMulCount(path) - before[static_cast<size_t>(i)], path == expected ? 1 : 0)
            << "path " << i << " for " << NameOf(c.dtype) << " times " << c.num_rows;
      }
    }
  });
}

}  // namespace
}  // namespace trinity

#include <gmock/gmock.h>

#include <algorithm>

#include "kernels/matmul.h"
#include "tests/kernels/block_terms.h"
#include "tests/kernels/simd_fixture.h"

// Matrices of block formats, in float32 and in int8, against the terms that quant/ finds in them.

namespace trinity {
namespace {

constexpr float kUntouched = 777.0F;

struct BlockMatrix {
  BlockMatrix(DType dtype, int64_t rows, int64_t cols, size_t misalignment = 0)
      : source(static_cast<size_t>(BytesOf(dtype, rows * cols))),
        storage(static_cast<size_t>(PackedBytes(dtype, rows, cols)) + misalignment) {
    const std::vector<float> values = RandomFloats(rows * cols, 7);
    for (int64_t row = 0; row < rows; ++row) {
      std::byte* to = source.data() + BytesOf(dtype, row * cols);
      const auto first = static_cast<size_t>(row * cols);
      QuantizeRow(dtype, std::span(values).subspan(first, static_cast<size_t>(cols)), {}, to);
      terms.push_back(TermsOf(dtype, to, cols));
      floats.emplace_back(static_cast<size_t>(cols));
      DequantizeRow(dtype, to, cols, floats.back().data());
    }
    PackRows(source.data(), dtype, rows, cols, storage.data() + misalignment);
    packed = {storage.data() + misalignment, dtype, rows, cols};
  }

  std::vector<std::byte> source;
  std::vector<std::byte> storage;
  std::vector<BlockTerms> terms;
  std::vector<std::vector<float>> floats;
  PackedMatrix packed;
};

// Columns [first, first + count) of a matrix.
BlockMatrix CutOf(const BlockMatrix& whole, int64_t first, int64_t count) {
  BlockMatrix cut = whole;
  const DType dtype = whole.packed.dtype;
  const int64_t rows = whole.packed.rows;
  cut.packed.cols = count;
  cut.packed.skipped_blocks = SkippedBlocks(dtype, first);
  cut.storage.resize(
      static_cast<size_t>(PackedBytes(dtype, rows, count, cut.packed.skipped_blocks)));
  PackColumns(whole.source.data(), dtype, rows, {first, count, whole.packed.cols},
              cut.storage.data());
  cut.packed.data = cut.storage.data();
  const auto keep = [](auto& values, int64_t begin, int64_t size) {
    values.erase(values.begin(), values.begin() + begin);
    values.resize(static_cast<size_t>(size));
  };
  for (BlockTerms& terms : cut.terms) {
    keep(terms.codes, first, count);
    keep(terms.scales, first / 16, count / 16);
    if (!terms.minimums.empty()) keep(terms.minimums, first / 16, count / 16);
  }
  for (std::vector<float>& floats : cut.floats) keep(floats, first, count);
  return cut;
}

// Rows of activations in a form, and outputs with a guard behind each.
struct BlockRows {
  BlockRows(ActivationForm row_form, int64_t num_rows, int64_t num_cols, int64_t num_outputs,
            float scale = 1)
      : form(row_form),
        cols(num_cols),
        results(static_cast<size_t>(num_rows * (num_outputs + 1)), kUntouched) {
    const std::vector<float> values = RandomFloats(num_rows * cols, 3);
    const int64_t row_bytes = PreparedRowBytes(form, cols);
    storage.resize(static_cast<size_t>(num_rows * row_bytes));
    for (int64_t i = 0; i < num_rows; ++i) {
      activations.emplace_back(values.begin() + i * cols, values.begin() + (i + 1) * cols);
      for (float& value : activations.back()) value *= scale;
      PrepareRow(form, activations.back().data(), cols, storage.data() + i * row_bytes);
      inputs.push_back(storage.data() + i * row_bytes);
      outputs.push_back(results.data() + i * (num_outputs + 1));
    }
  }

  ActivationRows rows() const { return {form, inputs}; }

  ActivationForm form;
  int64_t cols;
  std::vector<std::vector<float>> activations;
  std::vector<std::byte> storage;
  std::vector<const std::byte*> inputs;
  std::vector<float> results;
  std::vector<float*> outputs;
};

// The contract in float32: kernels/matmul.h.
float Float32Output(const BlockMatrix& matrix, const BlockRows& x, size_t i, int64_t row,
                    Output mode) {
  float output = kUntouched;
  const std::vector<float>& weights = matrix.floats[static_cast<size_t>(row)];
  for (size_t first = 0; first < weights.size(); first += kSumBlockCols) {
    float sum = 0;
    for (size_t k = first; k < std::min(weights.size(), first + kSumBlockCols); ++k) {
      sum = MultiplyAdd(weights[k], x.activations[i][k], sum);
    }
    output = first == 0 && mode == Output::kOverwrite ? sum : output + sum;
  }
  return output;
}

// The contract in int8: kernels/int8_kernel.h.
float Int8Output(const BlockMatrix& matrix, const BlockRows& x, size_t i, int64_t row,
                 Output mode) {
  const BlockTerms& terms = matrix.terms[static_cast<size_t>(row)];
  const Int8Row input(x.inputs[i], x.cols);
  const int64_t run = HasTwoScales(matrix.packed.dtype) ? 16 : 32;
  float acc = 0;
  for (int64_t first = 0; first < x.cols; first += run) {
    int32_t dot = 0, sum = 0;
    for (int64_t k = first; k < first + run; ++k) {
      dot += terms.codes[static_cast<size_t>(k)] * input.codes[k];
      sum += input.codes[k];
    }
    const auto scale = static_cast<size_t>(first / 16);
    const float x_scale = input.scales[first / 32];
    acc = MultiplyAdd(static_cast<float>(dot), terms.scales[scale] * x_scale, acc);
    if (HasMinimums(matrix.packed.dtype)) {
      acc = MultiplyAdd(terms.minimums[scale], x_scale * static_cast<float>(sum), acc);
    }
  }
  return mode == Output::kOverwrite ? acc : kUntouched + acc;
}

void ExpectContract(ActivationForm form, const BlockMatrix& matrix, int64_t num_rows, Output mode) {
  const int64_t rows = matrix.packed.rows;
  SCOPED_TRACE(testing::Message() << NameOf(matrix.packed.dtype) << " [" << rows << ", "
                                  << matrix.packed.cols << "] times " << num_rows << " rows in "
                                  << (form == ActivationForm::kInt8 ? "int8" : "float32"));
  const BlockRows x(form, num_rows, matrix.packed.cols, rows);
  MatMulPanels(matrix.packed, 0, matrix.packed.num_panels(), x.rows(), x.outputs, mode);
  const auto expected_output = form == ActivationForm::kInt8 ? Int8Output : Float32Output;
  for (size_t i = 0; i < x.outputs.size(); ++i) {
    for (int64_t row = 0; row < rows; ++row) {
      const float expected = expected_output(matrix, x, i, row, mode);
      ASSERT_EQ(BitsOf(x.outputs[i][row]), BitsOf(expected))
          << "row " << i << " output " << row << ": " << x.outputs[i][row] << " " << expected;
    }
    ASSERT_EQ(x.outputs[i][rows], kUntouched);
  }
}

constexpr ActivationForm kForms[] = {ActivationForm::kFloat32, ActivationForm::kInt8};

void ExpectContractOfCuts(const BlockMatrix& whole) {
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{96, 64}, {224, 288}}) {
    const BlockMatrix cut = CutOf(whole, first, count);
    for (const ActivationForm form : kForms) {
      for (const int64_t num_rows : {1, 9}) ExpectContract(form, cut, num_rows, Output::kOverwrite);
    }
  }
}

TEST(BlockMatMul, CutsOfColumnsGiveTheSumOfTheContract) {
  for (const DType dtype : kBlockDTypes) {
    const BlockMatrix whole(dtype, 40, 512);
    OnEverySimdTarget([&] { ExpectContractOfCuts(whole); });
  }
}

TEST(BlockMatMul, EveryFormatGivesTheSumOfTheContract) {
  for (const DType dtype : kBlockDTypes) {
    const BlockMatrix matrix(dtype, 70, 256);
    OnEverySimdTarget([&] {
      for (const ActivationForm form : kForms) {
        for (const int64_t num_rows : {1, 3, 8, 9}) {
          ExpectContract(form, matrix, num_rows, Output::kOverwrite);
        }
        ExpectContract(form, matrix, 3, Output::kAddTo);
      }
    });
  }
}

TEST(BlockMatMul, AnyNumberOfActivationRowsGivesTheSumOfTheContract) {
  const BlockMatrix q4(DType::kQ4_0, 33, 96), q6(DType::kQ6_K, 33, 256), q5(DType::kQ5_1, 33, 64);
  OnEverySimdTarget([&] {
    for (int64_t num_rows = 1; num_rows <= 50; ++num_rows) {
      for (const BlockMatrix* matrix : {&q4, &q6, &q5}) {
        ExpectContract(ActivationForm::kInt8, *matrix, num_rows, Output::kOverwrite);
      }
    }
  });
}

TEST(BlockMatMul, AnyNumberOfBlocksGivesTheSumOfTheContract) {
  for (const int64_t cols : {32, 64, 96, 160, 1024, 1056, 2080}) {
    const BlockMatrix q8(DType::kQ8_0, 40, cols), q4(DType::kQ4_1, 40, cols);
    OnEverySimdTarget([&] {
      for (const ActivationForm form : kForms) {
        for (const int64_t num_rows : {1, 20}) {
          ExpectContract(form, q8, num_rows, Output::kOverwrite);
          ExpectContract(form, q4, num_rows, Output::kAddTo);
        }
      }
    });
  }
}

TEST(BlockMatMul, ARowGivesTheSameBitsAloneAndAmongMany) {
  // So many rows that several passes are taken.
  constexpr int64_t kRows = 64, kCols = 1280, kNumRows = 900;
  for (const DType dtype : {DType::kQ8_0, DType::kQ4_K, DType::kQ6_K, DType::kIQ4_XS}) {
    const BlockMatrix matrix(dtype, kRows, kCols);
    OnEverySimdTarget([&] {
      for (const ActivationForm form : kForms) {
        const BlockRows together(form, kNumRows, kCols, kRows);
        MatMulPanels(matrix.packed, 0, 2, together.rows(), together.outputs, Output::kOverwrite);
        for (size_t i = 0; i < together.inputs.size(); i += 97) {
          std::vector<float> alone(kRows, kUntouched);
          float* const output = alone.data();
          MatMulPanels(matrix.packed, 0, 2, {form, {&together.inputs[i], 1}}, {&output, 1},
                       Output::kOverwrite);
          ASSERT_EQ(std::memcmp(alone.data(), together.outputs[i], kRows * sizeof(float)), 0);
        }
      }
    });
  }
}

TEST(BlockMatMul, AlignmentDoesNotChangeAResult) {
  constexpr int64_t kRows = 64, kCols = 512;
  for (const DType dtype : kBlockDTypes) {
    const BlockMatrix aligned(dtype, kRows, kCols), shifted(dtype, kRows, kCols, 2);
    OnEverySimdTarget([&] {
      for (const ActivationForm form : kForms) {
        const BlockRows x(form, 5, kCols, kRows);
        MatMulPanels(aligned.packed, 0, 2, x.rows(), x.outputs, Output::kOverwrite);
        const std::vector<float> expected = x.results;
        MatMulPanels(shifted.packed, 0, 2, x.rows(), x.outputs, Output::kOverwrite);
        EXPECT_EQ(x.results, expected) << NameOf(dtype);
      }
    });
  }
}

TEST(BlockMatMul, Int8IsNearFloat32) {
  constexpr int64_t kRows = 64, kCols = 1024, kNumRows = 8;
  for (const DType dtype : kBlockDTypes) {
    const BlockMatrix matrix(dtype, kRows, kCols);
    const BlockRows exact(ActivationForm::kFloat32, kNumRows, kCols, kRows);
    const BlockRows rounded(ActivationForm::kInt8, kNumRows, kCols, kRows);
    MatMulPanels(matrix.packed, 0, 2, exact.rows(), exact.outputs, Output::kOverwrite);
    MatMulPanels(matrix.packed, 0, 2, rounded.rows(), rounded.outputs, Output::kOverwrite);
    double error = 0, size = 0;
    for (size_t i = 0; i < exact.outputs.size(); ++i) {
      for (int64_t row = 0; row < kRows; ++row) {
        error += std::pow(exact.outputs[i][row] - rounded.outputs[i][row], 2);
        size += std::pow(exact.outputs[i][row], 2);
      }
    }
    // Rounding to 1/127 of the largest of 32 normal values: about 0.6% of a value.
    EXPECT_LT(std::sqrt(error / size), 0.01) << NameOf(dtype);
    EXPECT_GT(error, 0) << NameOf(dtype);
  }
}

}  // namespace
}  // namespace trinity

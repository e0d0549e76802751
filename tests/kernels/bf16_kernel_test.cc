#include <gmock/gmock.h>

#include <algorithm>

#include "kernels/matmul.h"
#include "tests/kernels/simd_fixture.h"

// BF16 matrices times BF16 rows. Which instruction multiplies them decides how products are
// rounded, so the truth here is a sum in float64, and the same bits for any number of rows.

namespace trinity {
namespace {

constexpr float kUntouched = 777.0F;

struct Bf16Case {
  Bf16Case(int64_t num_outputs, int64_t num_cols, int64_t num_rows)
      : outputs_per_row(num_outputs),
        cols(num_cols),
        weights(RoundTo(DType::kBF16, RandomFloats(num_outputs * num_cols, 7))),
        activations(RoundTo(DType::kBF16, RandomFloats(num_rows * num_cols, 3))),
        panels(static_cast<size_t>(PackedBytes(DType::kBF16, num_outputs, num_cols))),
        results(static_cast<size_t>(num_rows * (num_outputs + 1)), kUntouched) {
    PackRows(weights.bytes.data(), DType::kBF16, num_outputs, num_cols, panels.data());
    packed = {panels.data(), DType::kBF16, num_outputs, num_cols, ActivationForm::kBFloat16};
    const int64_t row_bytes = PreparedRowBytes(ActivationForm::kBFloat16, cols);
    storage.resize(static_cast<size_t>(num_rows * row_bytes));
    for (int64_t i = 0; i < num_rows; ++i) {
      std::byte* row = storage.data() + i * row_bytes;
      PrepareRow(ActivationForm::kBFloat16, activations.floats.data() + i * cols, cols, row);
      inputs.push_back(row);
      outputs.push_back(results.data() + i * (num_outputs + 1));
    }
  }

  void Multiply(Output output) {
    MatMulPanels(packed, 0, packed.num_panels(), {ActivationForm::kBFloat16, inputs}, outputs,
                 output);
  }

  int64_t outputs_per_row;
  int64_t cols;
  RoundedValues weights;
  RoundedValues activations;
  std::vector<std::byte> panels;
  PackedMatrix packed;
  std::vector<std::byte> storage;
  std::vector<const std::byte*> inputs;
  std::vector<float> results;
  std::vector<float*> outputs;
};

void ExpectNearTruth(int64_t num_outputs, int64_t cols, int64_t num_rows, Output mode) {
  SCOPED_TRACE(testing::Message() << "[" << num_outputs << ", " << cols << "] times " << num_rows);
  Bf16Case x(num_outputs, cols, num_rows);
  x.Multiply(mode);
  for (int64_t i = 0; i < num_rows; ++i) {
    for (int64_t row = 0; row < num_outputs; ++row) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < cols; ++k) {
        const double product =
            static_cast<double>(x.weights.floats[static_cast<size_t>(row * cols + k)]) *
            static_cast<double>(x.activations.floats[static_cast<size_t>(i * cols + k)]);
        sum += product;
        size += std::abs(product);
      }
      const double expected = mode == Output::kOverwrite ? sum : sum + kUntouched;
      const float actual = x.outputs[static_cast<size_t>(i)][row];
      ASSERT_NEAR(actual, expected, size * 1e-6 + std::abs(expected) * 1e-7 + 1e-6)
          << i << " " << row;
    }
    ASSERT_EQ(x.outputs[static_cast<size_t>(i)][num_outputs], kUntouched);
  }
}

TEST(Bf16Kernel, OutputsAreTheProductsOfTheRoundedRows) {
  OnEverySimdTarget([] {
    for (const int64_t cols : {1, 2, 31, 32, 33, 64, 255, 256, 257, 300, 1024}) {
      ExpectNearTruth(70, cols, 3, Output::kOverwrite);
    }
    for (int64_t num_rows = 1; num_rows <= 50; num_rows += 3) {
      ExpectNearTruth(33, 96, num_rows, Output::kAddTo);
    }
  });
}

// Rows [first, first + count) alone against the same rows among all.
void ExpectSameBits(const Bf16Case& all, size_t first, size_t count) {
  const auto num_outputs = static_cast<size_t>(all.outputs_per_row);
  std::vector<float> some(num_outputs * count, kUntouched);
  std::vector<float*> outputs;
  for (size_t j = 0; j < count; ++j) outputs.push_back(some.data() + j * num_outputs);
  MatMulPanels(all.packed, 0, all.packed.num_panels(),
               {ActivationForm::kBFloat16, std::span(all.inputs).subspan(first, count)}, outputs,
               Output::kOverwrite);
  for (size_t j = 0; j < count; ++j) {
    ASSERT_EQ(std::memcmp(outputs[j], all.outputs[first + j], num_outputs * sizeof(float)), 0);
  }
}

TEST(Bf16Kernel, ARowGivesTheSameBitsAloneAndAmongMany) {
  OnEverySimdTarget([] {
    for (const int64_t cols : {1024, 90}) {
      Bf16Case x(64, cols, 700);
      x.Multiply(Output::kOverwrite);
      for (size_t i = 0; i + 17 <= x.inputs.size(); i += 61) {
        for (const size_t count : {size_t{1}, size_t{5}, size_t{17}}) ExpectSameBits(x, i, count);
      }
    }
  });
}

TEST(Bf16Kernel, RowsAreRoundedToNearestEven) {
  OnEverySimdTarget([] {
    std::vector<float> row = RandomFloats(100, 5);
    row[3] = NAN;
    row[4] = INFINITY;
    row[5] = 1.00390625F;  // halfway, to even: 1.0
    row[6] = 1.01171875F;  // halfway, to even: 1.015625
    row[7] = 3.4e38F;      // rounds to infinity
    std::vector<std::byte> out(
        static_cast<size_t>(PreparedRowBytes(ActivationForm::kBFloat16, 100)));
    PrepareRow(ActivationForm::kBFloat16, row.data(), 100, out.data());
    for (size_t i = 0; i < row.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, out.data() + 2 * i, 2);
      if (std::isnan(row[i])) {
        EXPECT_TRUE(std::isnan(BFloat16ToFloat(bits)));
      } else {
        EXPECT_EQ(bits, FloatToBFloat16(row[i])) << row[i];
      }
    }
  });
}

}  // namespace
}  // namespace trinity

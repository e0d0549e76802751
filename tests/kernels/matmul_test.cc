#include "kernels/matmul.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

constexpr float kUntouched = 777.0F;

// A packed random matrix with the float values that it stands for.
struct TestMatrix {
  TestMatrix(DType dtype, int64_t rows, int64_t cols, size_t misalignment = 0)
      : values(RoundTo(dtype, RandomFloats(rows * cols, 7))),
        storage(static_cast<size_t>(PackedBytes(dtype, rows, cols)) + misalignment) {
    std::byte* panels = storage.data() + misalignment;
    PackRows(values.bytes.data(), dtype, rows, cols, panels);
    packed = {panels, dtype, rows, cols};
  }
  RoundedValues values;
  std::vector<std::byte> storage;
  PackedMatrix packed;
};

// What the contract says: blocks of kSumBlockCols columns ascending, columns ascending in each.
float ExpectedOutput(const TestMatrix& matrix, const float* input, int64_t row, float output,
                     Output mode) {
  const int64_t cols = matrix.packed.cols;
  for (int64_t first = 0; first < cols; first += kSumBlockCols) {
    float sum = 0;
    for (int64_t col = first; col < std::min(cols, first + kSumBlockCols); ++col) {
      const float weight = matrix.values.floats[static_cast<size_t>(row * cols + col)];
      sum = MultiplyAdd(weight, input[col], sum);
    }
    output = first == 0 && mode == Output::kOverwrite ? sum : output + sum;
  }
  return output;
}

// Rows of activations and outputs, each with a guard behind it.
struct TestRows {
  TestRows(int64_t num_rows, int64_t cols, int64_t rows, uint32_t seed = 3)
      : activations(RandomFloats(num_rows * (cols + 1), seed)),
        results(static_cast<size_t>(num_rows * (rows + 1)), kUntouched) {
    for (int64_t i = 0; i < num_rows; ++i) {
      inputs.push_back(activations.data() + i * (cols + 1));
      outputs.push_back(results.data() + i * (rows + 1));
    }
  }
  std::vector<float> activations;
  std::vector<float> results;
  std::vector<const float*> inputs;
  std::vector<float*> outputs;
};

void ExpectExact(DType dtype, int64_t rows, int64_t cols, int64_t num_rows, Output mode) {
  SCOPED_TRACE(testing::Message() << NameOf(dtype) << " [" << rows << ", " << cols << "] times "
                                  << num_rows << " rows");
  const TestMatrix matrix(dtype, rows, cols);
  const TestRows x(num_rows, cols, rows);
  MatMulPanels(matrix.packed, 0, matrix.packed.num_panels(), x.inputs, x.outputs, mode);
  for (size_t i = 0; i < x.inputs.size(); ++i) {
    for (int64_t row = 0; row < rows; ++row) {
      const float expected = ExpectedOutput(matrix, x.inputs[i], row, kUntouched, mode);
      ASSERT_EQ(BitsOf(x.outputs[i][row]), BitsOf(expected)) << "row " << i << " output " << row;
    }
    ASSERT_EQ(x.outputs[i][rows], kUntouched) << "wrote beyond the outputs";
  }
}

TEST(MatMul, EveryOutputIsTheSumOfTheContractToTheBit) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      for (const auto& [rows, cols] : std::vector<std::pair<int64_t, int64_t>>{
               {1, 1}, {2, 3}, {31, 17}, {32, 64}, {33, 255}, {64, 256}, {70, 257}, {5, 300}}) {
        for (const int64_t num_rows : {1, 2, 3, 7}) {
          ExpectExact(dtype, rows, cols, num_rows, Output::kOverwrite);
          ExpectExact(dtype, rows, cols, num_rows, Output::kAddTo);
        }
      }
    }
  });
}

TEST(MatMul, AnyNumberOfActivationRowsGivesTheSumOfTheContract) {
  OnEverySimdTarget([] {
    for (int64_t num_rows = 1; num_rows <= 40; ++num_rows) {
      ExpectExact(DType::kBF16, 34, 40, num_rows, Output::kOverwrite);
    }
  });
}

TEST(MatMul, AnyNumberOfColumnsGivesTheSumOfTheContract) {
  OnEverySimdTarget([] {
    for (int64_t cols = 1; cols <= 300; cols += 13) {
      for (const DType dtype : kFloatDTypes) ExpectExact(dtype, 33, cols, 2, Output::kAddTo);
    }
  });
}

TEST(MatMul, ManyColumnBlocksAreAddedInOrder) {
  OnEverySimdTarget([] { ExpectExact(DType::kBF16, 3, 2000, 2, Output::kOverwrite); });
}

TEST(MatMul, ARowGivesTheSameBitsAloneAndAmongMany) {
  // So many rows that several passes are taken.
  constexpr int64_t kRows = 70, kCols = 530, kNumRows = 1100;
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      const TestMatrix matrix(dtype, kRows, kCols);
      const TestRows together(kNumRows, kCols, kRows);
      MatMulPanels(matrix.packed, 0, 3, together.inputs, together.outputs, Output::kOverwrite);
      for (size_t i = 0; i < together.inputs.size(); i += 97) {
        std::vector<float> alone(kRows, kUntouched);
        float* const output = alone.data();
        MatMulPanels(matrix.packed, 0, 3, {&together.inputs[i], 1}, {&output, 1},
                     Output::kOverwrite);
        ASSERT_EQ(std::memcmp(alone.data(), together.outputs[i], kRows * sizeof(float)), 0);
      }
    }
  });
}

TEST(MatMul, APanelRangeWritesItsRowsAndNoOthers) {
  constexpr int64_t kRows = 150, kCols = 300;
  OnEverySimdTarget([] {
    const TestMatrix matrix(DType::kBF16, kRows, kCols);
    const TestRows whole(13, kCols, kRows);
    const TestRows parts(13, kCols, kRows);
    MatMulPanels(matrix.packed, 0, 5, whole.inputs, whole.outputs, Output::kOverwrite);
    MatMulPanels(matrix.packed, 3, 2, parts.inputs, parts.outputs, Output::kOverwrite);
    EXPECT_TRUE(std::all_of(parts.outputs[4], parts.outputs[4] + 96,
                            [](float value) { return value == kUntouched; }));
    MatMulPanels(matrix.packed, 1, 2, parts.inputs, parts.outputs, Output::kOverwrite);
    MatMulPanels(matrix.packed, 0, 1, parts.inputs, parts.outputs, Output::kOverwrite);
    EXPECT_EQ(whole.results, parts.results);
  });
}

TEST(MatMul, AlignmentDoesNotChangeAResult) {
  constexpr int64_t kRows = 64, kCols = 257;
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      const TestRows x(5, kCols, kRows);
      const TestMatrix aligned(dtype, kRows, kCols);
      MatMulPanels(aligned.packed, 0, 2, x.inputs, x.outputs, Output::kOverwrite);
      const std::vector<float> expected = x.results;
      for (const size_t misalignment : {2, 4, 6, 20, 62}) {
        if (misalignment % static_cast<size_t>(BytesOf(dtype, 1)) != 0) continue;
        const TestMatrix shifted(dtype, kRows, kCols, misalignment);
        MatMulPanels(shifted.packed, 0, 2, x.inputs, x.outputs, Output::kOverwrite);
        EXPECT_EQ(x.results, expected) << misalignment;
      }
    }
  });
}

TEST(MatMul, AThreadOfItsOwnGivesTheSameBits) {
  const TestMatrix matrix(DType::kBF16, 96, 700);
  const TestRows x(20, 700, 96);
  MatMulPanels(matrix.packed, 0, 3, x.inputs, x.outputs, Output::kOverwrite);
  const TestRows y(20, 700, 96);
  std::thread first(
      [&] { MatMulPanels(matrix.packed, 0, 2, y.inputs, y.outputs, Output::kOverwrite); });
  std::thread second(
      [&] { MatMulPanels(matrix.packed, 2, 1, y.inputs, y.outputs, Output::kOverwrite); });
  first.join();
  second.join();
  EXPECT_EQ(x.results, y.results);
}

TEST(MatMul, WeightsAreCountedOnceACallHoweverManyRows) {
  const TestMatrix matrix(DType::kBF16, 100, 64);
  const TestRows x(50, 64, 100);
  const int64_t before = WeightBytesStreamed();
  MatMulPanels(matrix.packed, 1, 3, x.inputs, x.outputs, Output::kOverwrite);
  EXPECT_EQ(WeightBytesStreamed() - before, 3 * 32 * 64 * 2);
  MatMulPanels(matrix.packed, 0, 4, std::span<const float* const>(), {}, Output::kOverwrite);
  EXPECT_EQ(WeightBytesStreamed() - before, 3 * 32 * 64 * 2);
}

TEST(MatMul, WeightsThatAreNotFiniteReachTheirOutputsOnly) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      RoundedValues values = RoundTo(dtype, {1, INFINITY, 2, NAN, -INFINITY, 3, 4, 5});
      std::vector<std::byte> panels(static_cast<size_t>(PackedBytes(dtype, 4, 2)));
      PackRows(values.bytes.data(), dtype, 4, 2, panels.data());
      const float input[] = {1, 1};
      const float* const inputs[] = {input};
      float output[4];
      float* const outputs[] = {output};
      MatMulPanels({panels.data(), dtype, 4, 2}, 0, 1, inputs, outputs, Output::kOverwrite);
      EXPECT_EQ(output[0], INFINITY);
      EXPECT_TRUE(std::isnan(output[1]));
      EXPECT_EQ(output[2], -INFINITY);
      EXPECT_EQ(output[3], 9);
    }
  });
}

}  // namespace
}  // namespace trinity

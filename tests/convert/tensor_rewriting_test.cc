#include "convert/tensor_rewriting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>

#include "base/error.h"
#include "base/random.h"
#include "checkpoint/safetensors_writer.h"
#include "quant/dequantize.h"
#include "quant/quantize.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

constexpr int64_t kRows = 3000, kCols = 256;

// One F32 matrix [kRows, kCols], more than a unit of work, in a file of its own.
class RewritingTest : public testing::Test {
 protected:
  RewritingTest() : values_(kRows * kCols) {
    for (size_t i = 0; i < values_.size(); ++i) {
      values_[i] = static_cast<float>(UniformAt(1, 2, i) - 0.5);
    }
  }

  Checkpoint Open() {
    const std::vector<TensorSpec> specs = {{"w", DType::kF32, {kRows, kCols}}};
    SafetensorsWriter writer(folder_ / "m.safetensors", specs);
    writer.WriteAt(0, 0, std::as_bytes(std::span(values_)));
    writer.Commit();
    return Checkpoint::Open(folder_ / "m.safetensors");
  }

  struct Result {
    std::vector<std::byte> bytes;
    RewriteError error;
  };

  // The rows as `job` wants them, whose source is filled in here.
  static Result Rewrite(const Checkpoint& source, RewriteJob job, int num_threads = 2) {
    const TensorInfo* tensor = source.Find("w");
    for (SourceRows& rows : job.rows) rows.tensor = tensor;
    job.cols = kCols;
    int64_t rows = 0;
    for (const SourceRows& from : job.rows) rows += from.num_rows;
    Result result;
    result.bytes.resize(static_cast<size_t>(BytesOf(job.dtype, rows * kCols)));
    ThreadPool pool(num_threads);
    std::mutex mutex;
    result.error = RewriteTensors(
        SourceOf(source), std::span(&job, 1),
        [&](size_t, int64_t offset, std::span<const std::byte> bytes) {
          const std::lock_guard lock(mutex);
          std::memcpy(result.bytes.data() + offset, bytes.data(), bytes.size());
        },
        pool, nullptr)[0];
    return result;
  }

  static RewriteJob JobOf(DType dtype) { return {dtype, kCols, {{nullptr, 0, kRows}}, {}}; }

  // What the scalar truth makes of all rows.
  std::vector<std::byte> Expected(DType dtype) const {
    std::vector<std::byte> bytes(static_cast<size_t>(BytesOf(dtype, kRows * kCols)));
    const int64_t row_bytes = BytesOf(dtype, kCols);
    for (int64_t row = 0; row < kRows; ++row) {
      QuantizeRow(dtype, std::span(values_).subspan(static_cast<size_t>(row * kCols), kCols), {},
                  bytes.data() + row * row_bytes);
    }
    return bytes;
  }

  TemporaryFolder folder_;
  std::vector<float> values_;
};

TEST_F(RewritingTest, GivesWhatQuantizeRowGivesForAnyNumberOfThreads) {
  const Checkpoint source = Open();
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const int threads : {1, 3}) {
      EXPECT_EQ(Rewrite(source, JobOf(dtype), threads).bytes, Expected(dtype)) << NameOf(dtype);
    }
  }
}

TEST_F(RewritingTest, PutsRowsOneBelowTheOtherInTheOrderGiven) {
  RewriteJob job{DType::kF32, kCols, {{nullptr, 2000, 1000}, {nullptr, 5, 2}}, {}};
  const Result result = Rewrite(Open(), job);
  const auto row = [&](int64_t index) {
    return std::as_bytes(std::span(values_).subspan(static_cast<size_t>(index * kCols), kCols));
  };
  const size_t row_bytes = kCols * sizeof(float);
  EXPECT_EQ(std::memcmp(result.bytes.data(), row(2000).data(), row_bytes), 0);
  EXPECT_EQ(std::memcmp(result.bytes.data() + 999 * row_bytes, row(2999).data(), row_bytes), 0);
  EXPECT_EQ(std::memcmp(result.bytes.data() + 1001 * row_bytes, row(6).data(), row_bytes), 0);
}

TEST_F(RewritingTest, CountsTheErrorOfWhatWasWritten) {
  const Result result = Rewrite(Open(), JobOf(DType::kQ8_0));
  std::vector<float> rounded(values_.size());
  DequantizeRow(DType::kQ8_0, result.bytes.data(), kRows * kCols, rounded.data());
  double squared = 0;
  for (size_t i = 0; i < rounded.size(); ++i) {
    squared += std::pow(double{rounded[i]} - double{values_[i]}, 2);
  }
  EXPECT_EQ(result.error.num_values, kRows * kCols);
  EXPECT_NEAR(result.error.squared_error, squared, 1e-9 * squared);
  EXPECT_EQ(Rewrite(Open(), JobOf(DType::kQ8_0), 1).error.squared_error,
            result.error.squared_error);
  EXPECT_EQ(Rewrite(Open(), JobOf(DType::kF32)).error.squared_error, 0);
}

TEST_F(RewritingTest, NamesTheTensorOfAValueThatDoesNotFit) {
  const auto refusal = [&](DType dtype) {
    try {
      Rewrite(Open(), JobOf(dtype));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  values_[777] = 70000;
  EXPECT_THAT(refusal(DType::kF16), HasSubstr("m.safetensors: tensor w: expected values that F16 "
                                              "holds, up to 65504, found 70000"));
  values_[777] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(DType::kQ8_0), HasSubstr("tensor w: "));
}

TEST_F(RewritingTest, EachExpertHasItsOwnImportance) {
  RewriteJob job{DType::kQ4_0, kCols, {{nullptr, 0, 1}, {nullptr, 1, 1}}, {}};
  const Checkpoint source = Open();
  const std::vector<std::byte> plain = Rewrite(source, job).bytes;
  job.importance.assign(2 * kCols, 1.0F);
  EXPECT_EQ(Rewrite(source, job).bytes, plain);
  job.importance[kCols + 3] = 1000.0F;  // of the second row
  const std::vector<std::byte> changed = Rewrite(source, job).bytes;
  const size_t half = plain.size() / 2;
  EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + half, changed.begin()));
  EXPECT_FALSE(std::equal(plain.begin() + half, plain.end(), changed.begin() + half));
}

}  // namespace
}  // namespace trinity

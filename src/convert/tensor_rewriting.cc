#include "convert/tensor_rewriting.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "quant/dequantize.h"
#include "quant/quantize.h"

namespace trinity {
namespace {

constexpr int64_t kUnitBytes = int64_t{1} << 20;  // of the source
constexpr float kLargestFloat16 = 65504.0F;

// One item of parallel work.
struct Unit {
  size_t job_index;
  size_t rows_index;  // into RewriteJob::rows
  int64_t first_row;  // within these rows
  int64_t num_rows;
  int64_t byte_offset;  // of the output tensor
};

// The buffers of one thread.
struct Scratch {
  std::vector<std::byte> source, output;
  std::vector<float> values, rounded;  // [cols]
};

class Rewriting {
 public:
  Rewriting(const TensorSource& source, std::span<const RewriteJob> jobs, const WriteBytes& write)
      : source_(source), jobs_(jobs), write_(write) {
    for (size_t j = 0; j < jobs.size(); ++j) AddUnits(j);
    errors_.resize(units_.size());
  }

  std::vector<RewriteError> Run(ThreadPool& pool, const RewriteProgress& progress) {
    std::vector<Scratch> scratch(static_cast<size_t>(pool.num_threads()));
    std::atomic<int64_t> done_bytes{0};
    pool.ParallelFor(static_cast<int64_t>(units_.size()), [&](int64_t index, int thread) {
      const Unit& unit = units_[static_cast<size_t>(index)];
      errors_[static_cast<size_t>(index)] = RunUnit(unit, scratch[static_cast<size_t>(thread)]);
      done_bytes += SourceBytes(unit);
      if (thread == 0 && progress) progress(done_bytes, total_bytes_);
    });
    if (progress) progress(done_bytes, total_bytes_);
    std::vector<RewriteError> errors(jobs_.size());
    for (size_t i = 0; i < units_.size(); ++i) errors[units_[i].job_index].Add(errors_[i]);
    return errors;
  }

 private:
  void AddUnits(size_t job_index) {
    const RewriteJob& job = jobs_[job_index];
    const int64_t row_bytes = BytesOf(job.dtype, job.cols);
    int64_t byte_offset = 0;
    for (size_t r = 0; r < job.rows.size(); ++r) {
      const SourceRows& rows = job.rows[r];
      const int64_t source_row_bytes = BytesOf(rows.tensor->dtype, job.cols);
      const int64_t unit_rows = std::max<int64_t>(1, kUnitBytes / source_row_bytes);
      for (int64_t row = 0; row < rows.num_rows; row += unit_rows) {
        units_.push_back(
            {job_index, r, row, std::min(unit_rows, rows.num_rows - row), byte_offset});
        byte_offset += units_.back().num_rows * row_bytes;
        total_bytes_ += SourceBytes(units_.back());
      }
    }
  }

  const SourceRows& RowsOf(const Unit& unit) const {
    return jobs_[unit.job_index].rows[unit.rows_index];
  }

  int64_t SourceBytes(const Unit& unit) const {
    return BytesOf(RowsOf(unit).tensor->dtype, unit.num_rows * jobs_[unit.job_index].cols);
  }

  RewriteError RunUnit(const Unit& unit, Scratch& scratch) const {
    const RewriteJob& job = jobs_[unit.job_index];
    const SourceRows& rows = RowsOf(unit);
    scratch.source.resize(static_cast<size_t>(SourceBytes(unit)));
    source_.read(*rows.tensor,
                 BytesOf(rows.tensor->dtype, (rows.first_row + unit.first_row) * job.cols),
                 scratch.source);
    RewriteError error;
    if (rows.tensor->dtype == job.dtype) {
      write_(unit.job_index, unit.byte_offset, scratch.source);
      return error;
    }
    const auto row_bytes = static_cast<size_t>(BytesOf(job.dtype, job.cols));
    const auto source_row_bytes = static_cast<size_t>(BytesOf(rows.tensor->dtype, job.cols));
    scratch.output.resize(row_bytes * static_cast<size_t>(unit.num_rows));
    scratch.values.resize(static_cast<size_t>(job.cols));
    scratch.rounded.resize(static_cast<size_t>(job.cols));
    try {
      for (size_t row = 0; row < static_cast<size_t>(unit.num_rows); ++row) {
        DequantizeRow(rows.tensor->dtype, scratch.source.data() + row * source_row_bytes, job.cols,
                      scratch.values.data());
        error.Add(
            WriteRow(job, ImportanceOf(unit), scratch, scratch.output.data() + row * row_bytes));
      }
    } catch (const Error& e) {
      Fail("{}: tensor {}: {}", source_.name, Printable(rows.tensor->name), e.what());
    }
    write_(unit.job_index, unit.byte_offset, scratch.output);
    return error;
  }

  std::span<const float> ImportanceOf(const Unit& unit) const {
    const RewriteJob& job = jobs_[unit.job_index];
    const auto cols = static_cast<size_t>(job.cols);
    if (job.importance.size() <= cols) return job.importance;
    return std::span(job.importance).subspan(unit.rows_index * cols, cols);
  }

  static RewriteError WriteRow(const RewriteJob& job, std::span<const float> importance,
                               Scratch& scratch, std::byte* out) {
    const std::vector<float>& values = scratch.values;
    if (job.dtype == DType::kF16) {
      const auto too_large = std::find_if(values.begin(), values.end(), [](float value) {
        return std::abs(value) > kLargestFloat16;
      });
      if (too_large != values.end()) {
        Fail("expected values that F16 holds, up to {}, found {}", kLargestFloat16, *too_large);
      }
    }
    QuantizeRow(job.dtype, values, importance, out);
    DequantizeRow(job.dtype, out, job.cols, scratch.rounded.data());
    RewriteError error;
    error.num_values = job.cols;
    for (size_t i = 0; i < values.size(); ++i) {
      const double difference = double{scratch.rounded[i]} - double{values[i]};
      error.squared_error += difference * difference;
      error.squared_values += double{values[i]} * double{values[i]};
    }
    return error;
  }

  const TensorSource& source_;
  std::span<const RewriteJob> jobs_;
  const WriteBytes& write_;
  std::vector<Unit> units_;
  std::vector<RewriteError> errors_;  // by unit
  int64_t total_bytes_ = 0;
};

}  // namespace

TensorSource SourceOf(const Checkpoint& checkpoint) {
  return {checkpoint.path(),
          [&checkpoint](const TensorInfo& tensor, int64_t byte_offset, std::span<std::byte> bytes) {
            checkpoint.ReadAt(tensor, byte_offset, bytes);
          }};
}

int64_t RewriteJob::SourceBytes() const {
  int64_t num_bytes = 0;
  for (const SourceRows& from : rows)
    num_bytes += BytesOf(from.tensor->dtype, from.num_rows * cols);
  return num_bytes;
}

void RewriteError::Add(const RewriteError& other) {
  squared_error += other.squared_error;
  squared_values += other.squared_values;
  num_values += other.num_values;
}

std::vector<RewriteError> RewriteTensors(const TensorSource& source,
                                         std::span<const RewriteJob> jobs, const WriteBytes& write,
                                         ThreadPool& pool, const RewriteProgress& progress) {
  return Rewriting(source, jobs, write).Run(pool, progress);
}

}  // namespace trinity

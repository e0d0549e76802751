#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "convert/model_tensors.h"

namespace trinity {

// Where the rows come from: a checkpoint, or numbers that are made as they are asked for.
struct TensorSource {
  std::string name;  // for messages
  // Fills `bytes` with those of the tensor from `byte_offset` on; called from many threads.
  std::function<void(const TensorInfo& tensor, int64_t byte_offset, std::span<std::byte> bytes)>
      read;
};

// `checkpoint` must outlive the result.
TensorSource SourceOf(const Checkpoint& checkpoint);

// A tensor to be written: rows of the source, one below the other, in another dtype.
struct RewriteJob {
  DType dtype = DType::kF32;
  int64_t cols = 0;
  std::vector<SourceRows> rows;
  // How much the error of a column counts: [cols], or [rows.size(), cols], or empty: all the same.
  std::vector<float> importance;

  int64_t SourceBytes() const;
};

// How far the written values are from those of the source.
struct RewriteError {
  double squared_error = 0;  // sums over all values
  double squared_values = 0;
  int64_t num_values = 0;

  void Add(const RewriteError& other);
};

using WriteBytes =
    std::function<void(size_t job_index, int64_t byte_offset, std::span<const std::byte> bytes)>;

// Called now and then, from the caller's thread, with bytes of the source done and to be done.
using RewriteProgress = std::function<void(int64_t done_bytes, int64_t total_bytes)>;

// Reads, converts and writes all rows in parallel, about 1 MiB of the source a thread at a time;
// `write` is called from many threads. Returns the error of each job; it does not depend on the
// number of threads. Throws Error, with file and tensor, where a value is not finite or does not
// fit the dtype; StorageError.
std::vector<RewriteError> RewriteTensors(const TensorSource& source,
                                         std::span<const RewriteJob> jobs, const WriteBytes& write,
                                         ThreadPool& pool, const RewriteProgress& progress);

}  // namespace trinity

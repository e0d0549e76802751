#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/gguf_metadata.h"
#include "checkpoint/safetensors_writer.h"

namespace trinity {

// Writes one GGUF file, version 3, whose metadata and tensors are known beforehand; data in any
// order and from many threads, never holding more than the caller's buffer. Appears under its name
// at Commit. Tensors lie in the order given.
class GgufWriter {
 public:
  // Tensor names must differ, shapes have 1 to 4 dimensions above 0, outermost first, and rows of
  // whole blocks. Throws StorageError where the file cannot be made.
  GgufWriter(const std::string& path, const GgufMetadata& metadata,
             std::span<const TensorSpec> tensors);

  // Writes bytes of tensor `tensor_index` of the constructor's list; each byte is written once.
  // Thread-safe. Throws StorageError (disk full, say).
  void WriteAt(size_t tensor_index, int64_t byte_offset, std::span<const std::byte> bytes);

  // Every byte of every tensor must have been written.
  void Commit();

  int64_t file_bytes() const { return file_bytes_; }

 private:
  AtomicFile file_;
  std::vector<int64_t> offsets_;    // of each tensor in the file
  std::vector<int64_t> num_bytes_;  // of each tensor
  int64_t file_bytes_ = 0;
  std::atomic<int64_t> unwritten_bytes_{0};
};

}  // namespace trinity

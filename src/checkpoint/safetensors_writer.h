#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/file.h"

namespace trinity {

// A tensor to be written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // outermost first; empty for a scalar

  int64_t num_bytes() const;
};

// Writes one safetensors file whose tensors are known beforehand, data in any order and from many
// threads, never holding more than the caller's buffer. Appears under its name at Commit. Tensors
// of wide types are laid before those of narrow ones, so that each is aligned to its type.
class SafetensorsWriter {
 public:
  // Names must differ. Throws StorageError where the file cannot be made.
  SafetensorsWriter(const std::string& path, std::span<const TensorSpec> tensors,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

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

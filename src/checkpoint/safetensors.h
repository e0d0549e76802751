#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/checkpoint.h"

namespace trinity {

// The safetensors format: 8 bytes little-endian header length N, N bytes of JSON, then the data.
// Source: github.com/huggingface/safetensors, README "Format".

// Reads and totally validates the header of `file`: length (at most 100 MB, within the file),
// UTF-8, JSON, no duplicate names, known dtypes, shape x dtype equal to the span, spans that
// neither overlap nor leave gaps and end with the file. Throws Error with file, tensor, expected
// and found.
std::vector<TensorInfo> ReadSafetensorsHeader(const File& file, int file_index);

// A tensor to be written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};

// Writes one safetensors file whose tensors are known beforehand, data in any order and from many
// threads, never holding more than the caller's buffer. Appears under its name at Commit.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::string& path, std::span<const TensorSpec> tensors,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

  void WriteAt(size_t tensor_index, int64_t byte_offset, std::span<const std::byte> bytes);
  void Commit();

  int64_t file_bytes() const { return file_bytes_; }

 private:
  std::unique_ptr<AtomicFile> file_;
  std::vector<int64_t> offsets_;  // of each tensor in the file
  std::vector<int64_t> num_bytes_;
  int64_t file_bytes_ = 0;
};

}  // namespace trinity

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"

namespace trinity {

// Logits of a text that was scored in windows: a safetensors file with input_ids I32 [windows,
// context] and logits F32 [windows, context - 1, vocab_size], of all positions but the last.
struct LogitFileShape {
  int64_t num_windows = 0;
  int64_t context = 0;
  int64_t vocab_size = 0;
};

class LogitFileWriter {
 public:
  // `ids`: of all windows.
  LogitFileWriter(const std::string& path, const LogitFileShape& shape,
                  std::span<const int32_t> ids);

  // Logits of position `position` of a window; each once. Thread-safe.
  void Write(int64_t window, int64_t position, std::span<const float> logits);

  void Commit() { writer_.Commit(); }

 private:
  LogitFileShape shape_;
  SafetensorsWriter writer_;
};

class LogitFile {
 public:
  // Throws Error where the file is none that LogitFileWriter wrote.
  explicit LogitFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const LogitFileShape& shape() const { return shape_; }
  const std::vector<int32_t>& ids() const { return ids_; }

  void Read(int64_t window, int64_t position, std::span<float> logits) const;  // thread-safe

 private:
  Checkpoint file_;
  const TensorInfo* logits_ = nullptr;
  LogitFileShape shape_;
  std::vector<int32_t> ids_;  // [windows, context]
};

}  // namespace trinity

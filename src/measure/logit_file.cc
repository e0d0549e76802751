#include "measure/logit_file.h"

#include "base/error.h"

namespace trinity {
namespace {

std::vector<TensorSpec> SpecsOf(const LogitFileShape& s) {
  return {{"logits", DType::kF32, {s.num_windows, s.context - 1, s.vocab_size}},
          {"input_ids", DType::kI32, {s.num_windows, s.context}}};
}

// Of the logits in the file.
int64_t RowBytes(const LogitFileShape& s) {
  return s.vocab_size * static_cast<int64_t>(sizeof(float));
}

int64_t RowOf(const LogitFileShape& s, int64_t window, int64_t position) {
  return window * (s.context - 1) + position;
}

}  // namespace

LogitFileWriter::LogitFileWriter(const std::string& path, const LogitFileShape& shape,
                                 std::span<const int32_t> ids)
    : shape_(shape), writer_(path, SpecsOf(shape)) {
  writer_.WriteAt(1, 0, std::as_bytes(ids));
}

void LogitFileWriter::Write(int64_t window, int64_t position, std::span<const float> logits) {
  writer_.WriteAt(0, RowOf(shape_, window, position) * RowBytes(shape_), std::as_bytes(logits));
}

LogitFile::LogitFile(const std::string& path) : file_(Checkpoint::Open(path)) {
  const TensorInfo* ids = file_.Find("input_ids");
  logits_ = file_.Find("logits");
  const bool fits = ids != nullptr && logits_ != nullptr && ids->dtype == DType::kI32 &&
                    logits_->dtype == DType::kF32 && ids->shape.size() == 2 &&
                    logits_->shape.size() == 3 && ids->shape[0] == logits_->shape[0] &&
                    ids->shape[1] == logits_->shape[1] + 1;
  if (!fits) {
    Fail(
        "{}: expected input_ids I32 [windows, context] and logits F32 [windows, context - 1, "
        "vocab_size], as --save-logits writes them",
        path);
  }
  shape_ = {ids->shape[0], ids->shape[1], logits_->shape[2]};
  ids_.resize(static_cast<size_t>(ids->num_values()));
  file_.ReadAt(*ids, 0, std::as_writable_bytes(std::span(ids_)));
}

void LogitFile::Read(int64_t window, int64_t position, std::span<float> logits) const {
  file_.ReadAt(*logits_, RowOf(shape_, window, position) * RowBytes(shape_),
               std::as_writable_bytes(logits));
}

}  // namespace trinity

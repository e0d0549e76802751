#include "model/prepared_rows.h"

namespace trinity {

void PreparedRows::Resize(Forms forms, int64_t rows, int64_t cols) {
  forms_ = forms;
  cols_ = cols;
  for (const ActivationForm form : kRounded) {
    if (!forms.Has(form)) continue;
    MemoryBlock& storage = storage_[static_cast<size_t>(form)];
    const int64_t num_bytes = rows * PreparedRowBytes(form, cols);
    if (storage.num_bytes() < num_bytes) storage = MemoryBlock(num_bytes);
  }
}

void PreparedRows::PrepareColumns(const float* row, int64_t to, int64_t first, int64_t count) {
  for (const ActivationForm form : kRounded) {
    if (!forms_.Has(form)) continue;
    std::byte* out =
        storage_[static_cast<size_t>(form)].data() + to * PreparedRowBytes(form, cols_);
    PrepareRowColumns(form, row, cols_, {first, count}, out);
  }
}

const std::byte* PreparedRows::Row(ActivationForm form, const Matrix& values, int64_t row) const {
  if (form == ActivationForm::kFloat32) {
    return reinterpret_cast<const std::byte*>(values.Row(row));
  }
  return storage_[static_cast<size_t>(form)].data() + row * PreparedRowBytes(form, cols_);
}

}  // namespace trinity

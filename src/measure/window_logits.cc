#include "measure/window_logits.h"

#include <algorithm>

namespace trinity {
namespace {

constexpr int64_t kMaxLogitBytes = int64_t{256} << 20;

}  // namespace

int64_t WindowStepRows(const Config& config, int64_t longest) {
  const int64_t row_bytes = config.vocab_size * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(kMaxLogitBytes / row_bytes, 1, std::max<int64_t>(1, longest));
}

WindowLogits::WindowLogits(const Model& model, DType kv_dtype, int64_t longest)
    : model_(model),
      step_rows_(WindowStepRows(model.config(), longest)),
      pools_(model.kv_shape(), kv_dtype) {}

void WindowLogits::ForEachRow(std::span<const int32_t> ids, const TakeRow& take_row) {
  const auto vocab_size = static_cast<size_t>(model_.config().vocab_size);
  const auto num_rows = static_cast<int64_t>(ids.size());
  KvCache cache(pools_);
  for (int64_t first = 0; first < num_rows; first += step_rows_) {
    const int64_t count = std::min(step_rows_, num_rows - first);
    step_.Clear();
    step_.Add(cache, ids.subspan(static_cast<size_t>(first), static_cast<size_t>(count)), count);
    model_.Forward(step_, activations_);
    model_.pool().ParallelFor(count, [&](int64_t row, int thread) {
      take_row(first + row, {activations_.logits.Row(row), vocab_size}, thread);
    });
  }
}

}  // namespace trinity

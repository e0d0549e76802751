#include "model/projection.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/check.h"

namespace trinity {

int64_t PanelsPerItem(int64_t num_panels, int64_t num_rows, int num_threads) {
  constexpr int64_t kManyRows = 16;
  const bool has_many_rows = num_rows >= kManyRows;
  const int64_t items_per_thread = has_many_rows ? 2 : 8;
  const int64_t most_panels = has_many_rows ? 32 : 8;
  return std::clamp<int64_t>(num_panels / (num_threads * items_per_thread), 1, most_panels);
}

GroupInput::GroupInput(const Matrix& values, PreparedRows::Forms forms, ThreadPool& pool)
    : values_(values), forms_(forms) {
  constexpr int64_t kFewRows = 4;
  static std::atomic<uint64_t> num_inputs{0};
  id_ = ++num_inputs;
  if (values.rows() <= kFewRows || !forms.NeedRounding()) return;
  static thread_local PreparedRows shared;
  shared.Resize(forms, values.rows(), values.cols());
  PreparedRows& rows = shared;  // the workers have their own `shared`
  ForEachRow(pool, values.rows(), [&](int64_t row) { rows.Prepare(values.Row(row), row); });
  shared_ = &rows;
}

const PreparedRows& GroupInput::OfThisThread() const {
  static thread_local PreparedRows own;
  static thread_local uint64_t own_id = 0;
  if (own_id != id_ && forms_.NeedRounding()) {
    own.Resize(forms_, values_.rows(), values_.cols());
    for (int64_t row = 0; row < values_.rows(); ++row) own.Prepare(values_.Row(row), row);
    own_id = id_;
  }
  return own;
}

std::span<float* const> OutputRows(Matrix& matrix, int64_t first, int64_t count) {
  static thread_local std::vector<float*> rows;
  rows.clear();
  for (int64_t i = first; i < first + count; ++i) rows.push_back(matrix.Row(i));
  return rows;
}

void Project(std::span<const Projection> projections, ThreadPool& pool) {
  const Matrix& input = *projections.front().input;
  const int64_t num_rows = input.rows();
  if (input.cols() == 0) {  // nothing of it is on this rank
    for (const Projection& p : projections) {
      p.output->Resize(num_rows, p.matrix->rows);
      std::fill_n(p.output->data(), num_rows * p.matrix->rows, 0.0F);
    }
    return;
  }
  int64_t num_panels = 0;
  PreparedRows::Forms forms;
  for (const Projection& p : projections) {
    TRINITY_CHECK(p.input == &input && input.cols() == p.matrix->cols);
    p.output->Resize(num_rows, p.matrix->rows);
    num_panels += p.matrix->num_panels();
    forms.Add(*p.matrix);
  }
  const GroupInput group(input, forms, pool);
  const int64_t per_item = PanelsPerItem(num_panels, num_rows, pool.num_threads());
  const auto items_of = [per_item](const Projection& p) {
    return (p.matrix->num_panels() + per_item - 1) / per_item;
  };
  int64_t num_items = 0;
  for (const Projection& p : projections) num_items += items_of(p);
  pool.ParallelFor(num_items, [&](int64_t item, int) {
    const Projection* p = projections.data();
    for (; item >= items_of(*p); ++p) item -= items_of(*p);
    const int64_t first = item * per_item;
    const int64_t count = std::min(per_item, p->matrix->num_panels() - first);
    static thread_local std::vector<const std::byte*> inputs;
    inputs.clear();
    for (int64_t row = 0; row < num_rows; ++row) {
      inputs.push_back(group.Row(p->matrix->form, row));
    }
    MatMulPanels(*p->matrix, first, count, {p->matrix->form, inputs},
                 OutputRows(*p->output, 0, num_rows), Output::kOverwrite);
  });
}

}  // namespace trinity

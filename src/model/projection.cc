#include "model/projection.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace trinity {

int64_t PanelsPerItem(int64_t num_panels, int64_t num_rows, int num_threads) {
  constexpr int64_t kMostPanels = 8;
  constexpr int64_t kManyRows = 16;
  const int64_t items_per_thread = num_rows < kManyRows ? 8 : 2;
  return std::clamp<int64_t>(num_panels / (num_threads * items_per_thread), 1, kMostPanels);
}

std::span<const float* const> InputRows(const Matrix& matrix, int64_t first, int64_t count) {
  static thread_local std::vector<const float*> rows;
  rows.clear();
  for (int64_t i = first; i < first + count; ++i) rows.push_back(matrix.Row(i));
  return rows;
}

std::span<float* const> OutputRows(Matrix& matrix, int64_t first, int64_t count) {
  static thread_local std::vector<float*> rows;
  rows.clear();
  for (int64_t i = first; i < first + count; ++i) rows.push_back(matrix.Row(i));
  return rows;
}

void Project(std::span<const Projection> projections, ThreadPool& pool) {
  int64_t num_panels = 0;
  for (const Projection& p : projections) {
    TRINITY_CHECK(p.input->cols() == p.matrix->cols);
    TRINITY_CHECK(p.input->rows() == projections.front().input->rows());
    p.output->Resize(p.input->rows(), p.matrix->rows);
    num_panels += p.matrix->num_panels();
  }
  const int64_t num_rows = projections.front().input->rows();
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
    MatMulPanels(*p->matrix, first, count, InputRows(*p->input, 0, p->input->rows()),
                 OutputRows(*p->output, 0, p->output->rows()), Output::kOverwrite);
  });
}

}  // namespace trinity

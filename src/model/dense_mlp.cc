#include "model/dense_mlp.h"

#include <algorithm>
#include <vector>

#include "model/hidden_rows.h"

namespace trinity {

void DenseMlp::Forward(Activations& a) const {
  MlpActivations& mlp = a.dense;
  const int64_t num_rows = a.mlp_input.rows();
  PreparedRows::Forms input_forms, down_forms;
  AddInputForms(weights_, input_forms);
  down_forms.Add(weights_.down_proj);
  ResizeHidden(num_rows, weights_.gate_proj.rows, down_forms, mlp);
  const GroupInput input(a.mlp_input, input_forms, pool_);

  const int64_t hidden_panels = weights_.gate_proj.num_panels();
  static thread_local std::vector<HiddenItem> items;
  items.clear();
  AddHiddenItems({&weights_, &mlp, 0, hidden_panels, 0, num_rows, nullptr},
                 PanelsPerItem(hidden_panels, num_rows, pool_.num_threads()), items);
  const std::span<const HiddenItem> all_items = items;  // the workers have their own `items`
  pool_.ParallelFor(static_cast<int64_t>(all_items.size()), [&](int64_t item, int) {
    ComputeHidden(all_items[static_cast<size_t>(item)], input);
  });

  a.mlp_output.Resize(num_rows, weights_.down_proj.rows);
  const int64_t num_panels = weights_.down_proj.num_panels();
  const int64_t per_item = PanelsPerItem(num_panels, num_rows, pool_.num_threads());
  pool_.ParallelFor((num_panels + per_item - 1) / per_item, [&](int64_t item, int) {
    const int64_t first = item * per_item;
    MultiplyDown(weights_, mlp, 0, {first, std::min(per_item, num_panels - first)},
                 OutputRows(a.mlp_output, 0, num_rows), Output::kOverwrite);
  });
}

}  // namespace trinity

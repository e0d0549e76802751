#include "model/hidden_rows.h"

#include <algorithm>

#include "kernels/elementwise.h"

namespace trinity {

void ResizeHidden(int64_t rows, int64_t intermediate_size, PreparedRows::Forms down_forms,
                  MlpActivations& a) {
  a.gate.Resize(rows, intermediate_size);
  a.up.Resize(rows, intermediate_size);
  a.hidden.Resize(rows, intermediate_size);
  a.prepared_hidden.Resize(down_forms, rows, intermediate_size);
}

void AddHiddenItems(const HiddenItem& all_panels, int64_t most_panels,
                    std::vector<HiddenItem>& items) {
  for (int64_t panel = 0; panel < all_panels.num_panels; panel += most_panels) {
    HiddenItem& item = items.emplace_back(all_panels);
    item.first_panel = all_panels.first_panel + panel;
    item.num_panels = std::min(most_panels, all_panels.num_panels - panel);
  }
}

void AddInputForms(const MlpWeights& mlp, PreparedRows::Forms& forms) {
  forms.Add(mlp.gate_proj);
  forms.Add(mlp.up_proj);
}

void ComputeHidden(const HiddenItem& item, const GroupInput& input) {
  static thread_local std::vector<const std::byte*> inputs;
  const auto inputs_of = [&](const PackedMatrix& matrix) -> ActivationRows {
    inputs.clear();
    for (int64_t i = 0; i < item.num_rows; ++i) {
      inputs.push_back(input.Row(matrix.form, item.slots == nullptr ? i : item.slots[i].row));
    }
    return {matrix.form, inputs};
  };
  MlpActivations& a = *item.activations;
  static thread_local std::vector<float*> gate_rows, up_rows;
  gate_rows.clear();
  up_rows.clear();
  for (int64_t row = item.first_row; row < item.first_row + item.num_rows; ++row) {
    gate_rows.push_back(a.gate.Row(row));
    up_rows.push_back(a.up.Row(row));
  }
  const PackedMatrix &gate = item.mlp->gate_proj, &up = item.mlp->up_proj;
  const MatMulPart parts[] = {{&gate, item.first_panel, item.num_panels, gate_rows},
                              {&up, item.first_panel, item.num_panels, up_rows}};
  FetchAhead(up, item.first_panel);
  if (gate.form == up.form) {
    MatMulParts(parts, inputs_of(gate), Output::kOverwrite);
  } else {
    MatMulParts({&parts[0], 1}, inputs_of(gate), Output::kOverwrite);
    MatMulParts({&parts[1], 1}, inputs_of(up), Output::kOverwrite);
  }
  const int64_t first = item.first_panel * kPanelRows;
  const int64_t size = std::min(item.num_panels * kPanelRows, a.hidden.cols() - first);
  for (int64_t i = 0; i < item.num_rows; ++i) {
    const int64_t row = item.first_row + i;
    const float weight = item.slots == nullptr ? 1.0F : item.slots[i].weight;
    SiluMultiply(a.gate.Row(row) + first, a.up.Row(row) + first, weight, size,
                 a.hidden.Row(row) + first);
    a.prepared_hidden.PrepareColumns(a.hidden.Row(row), row, first, size);
  }
}

void MultiplyDown(const MlpWeights& mlp, const MlpActivations& a, int64_t first_row,
                  PanelRange panels, std::span<float* const> outputs, Output output) {
  if (mlp.down_proj.cols == 0) {  // nothing of it is on this rank
    if (output == Output::kAddTo) return;
    const int64_t first = panels.first * kPanelRows;
    const int64_t size = std::min(panels.count * kPanelRows, mlp.down_proj.rows - first);
    for (float* row : outputs) std::fill_n(row + first, size, 0.0F);
    return;
  }
  const ActivationForm form = mlp.down_proj.form;
  static thread_local std::vector<const std::byte*> inputs;
  inputs.clear();
  for (size_t i = 0; i < outputs.size(); ++i) {
    inputs.push_back(a.prepared_hidden.Row(form, a.hidden, first_row + static_cast<int64_t>(i)));
  }
  MatMulPanels(mlp.down_proj, panels.first, panels.count, {form, inputs}, outputs, output);
}

}  // namespace trinity

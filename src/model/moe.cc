#include "model/moe.h"

#include <algorithm>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "model/projection.h"

namespace trinity {
namespace {

void ResizeAll(MlpActivations& mlp, int64_t rows, int64_t intermediate_size) {
  mlp.gate.Resize(rows, intermediate_size);
  mlp.up.Resize(rows, intermediate_size);
  mlp.hidden.Resize(rows, intermediate_size);
}

}  // namespace

Moe::Moe(const Config& config, const MoeWeights& weights, ThreadPool& pool)
    : config_(config), weights_(weights), router_(config, weights.router, pool), pool_(pool) {}

void Moe::Forward(Activations& a) const {
  router_.Forward(a.mlp_input, a.routing);
  GateAndUp(a);
  Down(a);
}

void Moe::GateAndUp(Activations& a) const {
  const int64_t num_rows = a.mlp_input.rows();
  const Routing& routing = a.routing;
  ResizeAll(a.experts, static_cast<int64_t>(routing.slots.size()), config_.moe_intermediate_size);
  static thread_local std::vector<HiddenItem> items;
  items.clear();
  const auto add_items = [&](const MlpWeights& mlp, MlpActivations& activations, int64_t first_slot,
                             int64_t num_slots) {
    // An expert has two to a few dozen panels: half of a small one is still worth an item.
    const int64_t num_panels = mlp.gate_proj.num_panels();
    const int64_t per_item = std::clamp<int64_t>((num_panels + 1) / 2, 1, 8);
    for (int64_t panel = 0; panel < num_panels; panel += per_item) {
      items.push_back({&mlp, &activations, panel, std::min(per_item, num_panels - panel),
                       first_slot, num_slots});
    }
  };
  if (weights_.shared_experts) {
    ResizeAll(a.shared_experts, num_rows, config_.shared_intermediate_size());
    add_items(*weights_.shared_experts, a.shared_experts, 0, num_rows);
  }
  for (size_t expert = 0; expert < weights_.experts.size(); ++expert) {
    const int64_t first = routing.first_slot[expert];
    const int64_t count = routing.first_slot[expert + 1] - first;
    if (count > 0) add_items(weights_.experts[expert], a.experts, first, count);
  }
  const std::span<const HiddenItem> all_items = items;  // the workers have their own `items`
  pool_.ParallelFor(static_cast<int64_t>(all_items.size()), [&](int64_t item, int) {
    ComputeHidden(all_items[static_cast<size_t>(item)], a);
  });
}

void Moe::ComputeHidden(const HiddenItem& item, const Activations& a) const {
  const bool is_shared = item.activations == &a.shared_experts;
  static thread_local std::vector<const float*> inputs;
  inputs.clear();
  for (int64_t slot = item.first_slot; slot < item.first_slot + item.num_slots; ++slot) {
    const int64_t row = is_shared ? slot : a.routing.slots[static_cast<size_t>(slot)].row;
    inputs.push_back(a.mlp_input.Row(row));
  }
  MlpActivations& mlp = *item.activations;
  MatMulPanels(item.mlp->gate_proj, item.first_panel, item.num_panels, inputs,
               OutputRows(mlp.gate, item.first_slot, item.num_slots), Output::kOverwrite);
  MatMulPanels(item.mlp->up_proj, item.first_panel, item.num_panels, inputs,
               OutputRows(mlp.up, item.first_slot, item.num_slots), Output::kOverwrite);
  const int64_t first = item.first_panel * kPanelRows;
  const int64_t size = std::min(item.num_panels * kPanelRows, mlp.gate.cols() - first);
  for (int64_t slot = item.first_slot; slot < item.first_slot + item.num_slots; ++slot) {
    const float weight = is_shared ? 1.0F : a.routing.slots[static_cast<size_t>(slot)].weight;
    SiluMultiply(mlp.gate.Row(slot) + first, mlp.up.Row(slot) + first, weight, size,
                 mlp.hidden.Row(slot) + first);
  }
}

void Moe::Down(Activations& a) const {
  a.mlp_output.Resize(a.mlp_input.rows(), config_.hidden_size);
  const int64_t num_panels = weights_.experts.front().down_proj.num_panels();
  const int64_t per_item = PanelsPerItem(num_panels, a.mlp_input.rows(), pool_.num_threads());
  pool_.ParallelFor((num_panels + per_item - 1) / per_item, [&](int64_t item, int) {
    const int64_t first = item * per_item;
    DownPanels(first, std::min(per_item, num_panels - first), a);
  });
}

void Moe::DownPanels(int64_t first_panel, int64_t num_panels, Activations& a) const {
  const int64_t num_rows = a.mlp_output.rows();
  const int64_t first = first_panel * kPanelRows;
  const int64_t size = std::min(num_panels * kPanelRows, config_.hidden_size - first);
  for (int64_t row = 0; row < num_rows; ++row) {
    std::fill_n(a.mlp_output.Row(row) + first, size, 0.0F);
  }
  const Routing& routing = a.routing;
  static thread_local std::vector<float*> outputs;
  for (size_t expert = 0; expert < weights_.experts.size(); ++expert) {
    const int64_t first_slot = routing.first_slot[expert];
    const int64_t num_slots = routing.first_slot[expert + 1] - first_slot;
    if (num_slots == 0) continue;
    outputs.clear();
    for (int64_t slot = first_slot; slot < first_slot + num_slots; ++slot) {
      outputs.push_back(a.mlp_output.Row(routing.slots[static_cast<size_t>(slot)].row));
    }
    MatMulPanels(weights_.experts[expert].down_proj, first_panel, num_panels,
                 InputRows(a.experts.hidden, first_slot, num_slots), outputs, Output::kAddTo);
  }
  if (weights_.shared_experts) {
    MatMulPanels(weights_.shared_experts->down_proj, first_panel, num_panels,
                 InputRows(a.shared_experts.hidden, 0, num_rows),
                 OutputRows(a.mlp_output, 0, num_rows), Output::kAddTo);
  }
}

}  // namespace trinity

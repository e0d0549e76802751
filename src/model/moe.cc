#include "model/moe.h"

#include <algorithm>
#include <vector>

#include "kernels/matmul.h"
#include "model/projection.h"

namespace trinity {

Moe::Moe(const Config& config, const MoeWeights& weights, ThreadPool& pool)
    : config_(config), weights_(weights), router_(config, weights.router, pool), pool_(pool) {
  const auto add = [this](const MlpWeights& mlp) {
    AddInputForms(mlp, input_forms_);
    down_forms_.Add(mlp.down_proj);
  };
  for (const MlpWeights& expert : weights.experts) {
    add(expert);
    expert_cols_ = std::max(expert_cols_, expert.gate_proj.rows);
  }
  if (weights.shared_experts) add(*weights.shared_experts);
}

void Moe::Forward(Activations& a) const {
  router_.Forward(a.mlp_input, a.routing);
  ResizeHidden(static_cast<int64_t>(a.routing.slots.size()), expert_cols_, down_forms_, a.experts);
  a.mlp_output.Resize(a.mlp_input.rows(), config_.hidden_size);
  const std::span<const int32_t> chosen = a.routing.chosen;
  for (size_t done = 0; done < chosen.size();) {
    const std::span<const int32_t> left = chosen.subspan(done);
    const size_t count =
        weights_.expert_store == nullptr
            ? left.size()
            : static_cast<size_t>(weights_.expert_store->Hold(weights_.layer_of_store, left));
    const Batch batch = {left.first(count), done == 0, count == left.size()};
    GateAndUp(batch, a);
    Down(batch, a);
    done += count;
  }
}

void Moe::GateAndUp(const Batch& batch, Activations& a) const {
  const int64_t num_rows = a.mlp_input.rows();
  const Routing& routing = a.routing;
  static thread_local std::vector<HiddenItem> items;
  items.clear();
  const auto add_items = [](const HiddenItem& all_panels) {
    // With many rows an item is a whole expert where that is small; with few, half of it.
    constexpr int64_t kManyRows = 8;
    const int64_t share = all_panels.num_rows < kManyRows ? 2 : 1;
    const int64_t most = std::clamp<int64_t>((all_panels.num_panels + 1) / share, 1, 8);
    AddHiddenItems(all_panels, most, items);
  };
  if (weights_.shared_experts && batch.is_last) {
    const MlpWeights& mlp = *weights_.shared_experts;
    ResizeHidden(num_rows, mlp.gate_proj.rows, down_forms_, a.shared_experts);
    add_items({&mlp, &a.shared_experts, 0, mlp.gate_proj.num_panels(), 0, num_rows, nullptr});
  }
  for (const int32_t chosen : batch.experts) {
    const auto expert = static_cast<size_t>(chosen);
    const int64_t first = routing.first_slot[expert];
    const int64_t count = routing.first_slot[expert + 1] - first;
    const MlpWeights& mlp = weights_.experts[expert];
    add_items({&mlp, &a.experts, 0, mlp.gate_proj.num_panels(), first, count,
               &routing.slots[static_cast<size_t>(first)]});
  }
  // The largest first: what is left at the end for one thread is then small.
  std::sort(items.begin(), items.end(), [](const HiddenItem& x, const HiddenItem& y) {
    return x.num_rows * x.num_panels > y.num_rows * y.num_panels;
  });
  const GroupInput input(a.mlp_input, input_forms_, pool_);
  const std::span<const HiddenItem> all_items = items;  // the workers have their own `items`
  pool_.ParallelFor(static_cast<int64_t>(all_items.size()), [&](int64_t item, int) {
    ComputeHidden(all_items[static_cast<size_t>(item)], input);
  });
}

void Moe::Down(const Batch& batch, Activations& a) const {
  const int64_t num_panels = weights_.experts.front().down_proj.num_panels();
  const int64_t per_item = PanelsPerItem(num_panels, a.mlp_input.rows(), pool_.num_threads());
  pool_.ParallelFor((num_panels + per_item - 1) / per_item, [&](int64_t item, int) {
    const int64_t first = item * per_item;
    DownPanels(batch, {first, std::min(per_item, num_panels - first)}, a);
  });
}

void Moe::DownPanels(const Batch& batch, PanelRange panels, Activations& a) const {
  const int64_t num_rows = a.mlp_output.rows();
  const int64_t first = panels.first * kPanelRows;
  const int64_t size = std::min(panels.count * kPanelRows, config_.hidden_size - first);
  for (int64_t row = 0; batch.is_first && row < num_rows; ++row) {
    std::fill_n(a.mlp_output.Row(row) + first, size, 0.0F);
  }
  const Routing& routing = a.routing;
  static thread_local std::vector<float*> outputs;
  for (size_t i = 0; i < batch.experts.size(); ++i) {
    if (i + 1 < batch.experts.size()) {
      const auto next = static_cast<size_t>(batch.experts[i + 1]);
      FetchAhead(weights_.experts[next].down_proj, panels.first);
    }
    const auto expert = static_cast<size_t>(batch.experts[i]);
    const int64_t first_slot = routing.first_slot[expert];
    const int64_t num_slots = routing.first_slot[expert + 1] - first_slot;
    outputs.clear();
    for (int64_t slot = first_slot; slot < first_slot + num_slots; ++slot) {
      outputs.push_back(a.mlp_output.Row(routing.slots[static_cast<size_t>(slot)].row));
    }
    MultiplyDown(weights_.experts[expert], a.experts, first_slot, panels, outputs, Output::kAddTo);
  }
  if (weights_.shared_experts && batch.is_last) {
    MultiplyDown(*weights_.shared_experts, a.shared_experts, 0, panels,
                 OutputRows(a.mlp_output, 0, num_rows), Output::kAddTo);
  }
}

}  // namespace trinity

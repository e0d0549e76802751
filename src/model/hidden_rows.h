#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/activations.h"
#include "model/projection.h"
#include "model/weights.h"

namespace trinity {

// The hidden rows silu(gate(x)) * up(x) of one SwiGLU and some rows of its input: a piece of work
// for one thread.
struct HiddenItem {
  const MlpWeights* mlp;
  MlpActivations* activations;
  int64_t first_panel;  // of gate_proj and up_proj
  int64_t num_panels;
  int64_t first_row;  // of the activations
  int64_t num_rows;
  // Which rows of the input these are, with the weight of each hidden row: [num_rows]. nullptr: the
  // rows of the same index, all of weight 1.
  const ExpertSlot* slots;
};

// Room for the hidden rows of a SwiGLU, or of several that `down_projections` tells of.
void ResizeHidden(int64_t rows, int64_t intermediate_size, PreparedRows::Forms down_forms,
                  MlpActivations& a);

// Appends the items of one SwiGLU, with at most `most_panels` panels each.
void AddHiddenItems(const HiddenItem& all_panels, int64_t most_panels,
                    std::vector<HiddenItem>& items);

// The forms that gate_proj and up_proj ask of their input.
void AddInputForms(const MlpWeights& mlp, PreparedRows::Forms& forms);

// Computes gate, up and hidden, and prepares what of the hidden rows the item has for down_proj.
void ComputeHidden(const HiddenItem& item, const GroupInput& input);

struct PanelRange {
  int64_t first;
  int64_t count;
};

// outputs[i] = or += hidden row (first_row + i) times some panels of down_proj.
void MultiplyDown(const MlpWeights& mlp, const MlpActivations& a, int64_t first_row,
                  PanelRange panels, std::span<float* const> outputs, Output output);

}  // namespace trinity

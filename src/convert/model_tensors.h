#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/config.h"
#include "model/memory_plan.h"

namespace trinity {

// Rows of a tensor of the source, seen as [rows, cols].
struct SourceRows {
  const TensorInfo* tensor;
  int64_t first_row;
  int64_t num_rows;
};

// One tensor of the model, wherever and in whatever form it lies in the source.
struct ModelTensor {
  std::string name;            // as Hugging Face has it; of experts without the index
  std::vector<int64_t> shape;  // outermost first; [num_experts, rows, cols] of experts
  ParameterClass parameter_class = ParameterClass::kNorms;
  std::vector<SourceRows> rows;  // in their order; of experts one entry an expert

  bool are_experts() const { return parameter_class == ParameterClass::kRoutedExperts; }
  bool is_matrix() const { return shape.size() > 1; }
  int64_t cols() const { return shape.back(); }
  int64_t num_values() const;
};

// A tensor of a model, of experts all of a layer together.
struct ModelShape {
  std::string name;
  std::vector<int64_t> shape;
};

// All tensors of a model of this shape, in the order of the forward pass.
std::vector<ModelShape> ListModelShapes(const Config& config);

// The name of one expert's matrix, from that of all of them (with ".experts." in it).
std::string NameOfExpert(const std::string& name, size_t expert);

// The tensor of this shape, without rows of a source.
ModelTensor WithoutSource(const ModelShape& shape);

// All tensors of the model that `config` describes, in the order of the forward pass. Throws Error,
// with the file and the name, where one is missing, of another shape, or not part of the model.
// `checkpoint` must outlive the result.
std::vector<ModelTensor> ListModelTensors(const Config& config, const Checkpoint& checkpoint);

}  // namespace trinity

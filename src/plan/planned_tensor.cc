#include "plan/planned_tensor.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "kernels/packed_matrix.h"

namespace trinity {
namespace {

PlannedTensor Plan(const ModelShape& tensor, DType dtype) {
  PlannedTensor planned;
  planned.parameter_class = FindParameterClass(tensor.name).value();
  planned.cols = tensor.shape.back();
  planned.is_matrix = tensor.shape.size() > 1;
  if (planned.is_matrix) planned.rows = tensor.shape[tensor.shape.size() - 2];
  if (tensor.shape.size() > 2) planned.count = tensor.shape.front();
  planned.dtype = planned.is_matrix ? dtype : DType::kF32;
  planned.cut = CutOf(tensor.name, planned.parameter_class);
  return planned;
}

// Experts may be of several dtypes: that which takes most.
DType LargestDType(const ModelTensor& tensor) {
  constexpr int64_t kBlockValues = 256;  // of which every dtype has whole blocks
  DType largest = tensor.rows.front().tensor->dtype;
  for (const SourceRows& rows : tensor.rows) {
    const DType dtype = rows.tensor->dtype;
    if (BytesOf(dtype, kBlockValues) > BytesOf(largest, kBlockValues)) largest = dtype;
  }
  return largest;
}

}  // namespace

MatrixPart PlannedTensor::Held(const Config& config, const RankSlice& slice) const {
  return HeldPart(cut, {{0, rows}, {0, cols}}, config, slice);
}

int64_t PlannedTensor::HeldCount(const RankSlice& slice) const {
  return parameter_class == ParameterClass::kRoutedExperts ? slice.experts.size() : count;
}

int64_t PlannedTensor::ResidentBytes(const Config& config, const RankSlice& slice) const {
  const MatrixPart held = Held(config, slice);
  if (held.rows.size() == 0 || held.cols.size() == 0) return 0;
  if (!is_matrix) return BytesOf(DType::kF32, held.cols.size());
  return PackedBytes(dtype, held.rows.size(), held.cols.size());
}

double PlannedTensor::HeldValues(const Config& config, const RankSlice& slice) const {
  const MatrixPart held = Held(config, slice);
  return static_cast<double>(held.rows.size()) * static_cast<double>(held.cols.size());
}

std::vector<PlannedTensor> PlanTensors(const Config& config, WeightType type) {
  std::vector<PlannedTensor> planned;
  for (const ModelShape& tensor : ListModelShapes(config)) {
    DType dtype = DTypeIn(type, WithoutSource(tensor), config);
    // Routers are trained in BF16: where a file holds them in F32, they are held as BF16 all the
    // same.
    const bool is_router = FindParameterClass(tensor.name) == ParameterClass::kRouter;
    if (is_router && type != WeightType(DType::kF32)) dtype = DType::kBF16;
    planned.push_back(Plan(tensor, dtype));
  }
  return planned;
}

std::vector<PlannedTensor> PlanTensors(const Config& config, std::string_view type) {
  return PlanTensors(config, FindWeightType(type).value());
}

std::vector<PlannedTensor> PlanTensors(const Config& config, const Checkpoint& checkpoint) {
  std::map<std::string, DType> dtypes;
  for (const ModelTensor& tensor : ListModelTensors(config, checkpoint)) {
    dtypes[tensor.name] = LargestDType(tensor);
  }
  std::vector<PlannedTensor> planned;
  for (const ModelShape& tensor : ListModelShapes(config)) {
    planned.push_back(Plan(tensor, dtypes.at(tensor.name)));
  }
  return planned;
}

}  // namespace trinity

#include "train/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "base/error.h"
#include "model/tensor_names.h"
#include "train/backward.h"

namespace trinity {
namespace {

constexpr std::string_view kPrefix = "grad.";

template <typename T>
std::vector<T> Read(const Checkpoint& file, const TensorInfo& tensor, DType dtype) {
  if (tensor.dtype != dtype) {
    Fail("{}: tensor {}: expected {}, found {}", file.path(), Printable(tensor.name), NameOf(dtype),
         NameOf(tensor.dtype));
  }
  std::vector<T> values(static_cast<size_t>(tensor.num_values()));
  file.ReadAt(tensor, 0, std::as_writable_bytes(std::span(values)));
  return values;
}

const TensorInfo& Require(const Checkpoint& file, std::string_view name) {
  const TensorInfo* tensor = file.Find(name);
  if (tensor == nullptr) Fail("{}: tensor {} is missing", file.path(), name);
  return *tensor;
}

std::vector<std::vector<int32_t>> ReadIds(const Checkpoint& file) {
  const TensorInfo& tensor = Require(file, "input_ids");
  if (tensor.shape.size() != 2) {
    Fail("{}: tensor input_ids: expected shape [sequences, tokens], found {}", file.path(),
         ShapeText(tensor.shape));
  }
  const std::vector<int64_t> all = Read<int64_t>(file, tensor, DType::kI64);
  std::vector<std::vector<int32_t>> sequences(static_cast<size_t>(tensor.shape[0]));
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] < 0 || all[i] > INT32_MAX) {
      Fail("{}: tensor input_ids: expected ids, found {}", file.path(), all[i]);
    }
    sequences[i / static_cast<size_t>(tensor.shape[1])].push_back(static_cast<int32_t>(all[i]));
  }
  return sequences;
}

using Values = std::vector<float>;

void Append(const Matrix& gradient, Values& values) {
  values.insert(values.end(), gradient.data(), gradient.data() + gradient.rows() * gradient.cols());
}

// All gradients by the names of weights, experts in both forms.
std::map<std::string, Values> ByName(const Gradients& gradients) {
  std::map<std::string, Values> values;
  gradients.ForEach(
      [&](const std::string& name, const Matrix& gradient) { Append(gradient, values[name]); });
  for (size_t i = 0; i < gradients.layers.size(); ++i) {
    if (!gradients.layers[i].moe) continue;
    const auto layer = static_cast<int64_t>(i);
    Values& gate_up = values[tensor_names::OfLayer(layer, tensor_names::kFusedGateUp)];
    Values& down = values[tensor_names::OfLayer(layer, tensor_names::kFusedDown)];
    for (const MlpGradients& expert : gradients.layers[i].moe->experts) {
      Append(expert.gate_proj, gate_up);
      Append(expert.up_proj, gate_up);
      Append(expert.down_proj, down);
    }
  }
  return values;
}

GradientDifference Compare(const std::string& name, const Values& found, const Values& want) {
  GradientDifference difference = {name, 0, 0};
  double scale = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double d = std::abs(static_cast<double>(found[i]) - static_cast<double>(want[i]));
    // NaN counts as the largest of all.
    difference.largest = std::isnan(d) ? HUGE_VAL : std::max(difference.largest, d);
    scale = std::max(scale, std::abs(static_cast<double>(want[i])));
  }
  difference.relative = scale > 0 ? difference.largest / scale : difference.largest;
  return difference;
}

}  // namespace

bool GradientReport::Passed() const {
  return loss_difference <= kGradientTolerance * std::abs(loss) &&
         std::all_of(tensors.begin(), tensors.end(), [](const GradientDifference& tensor) {
           return tensor.relative <= kGradientTolerance;
         });
}

GradientReport CheckGradients(const Model& model, const Checkpoint& golden) {
  const LossAndGradients found = ComputeGradients(model, ReadIds(golden));
  GradientReport report;
  report.loss = found.loss;
  const Values loss = Read<float>(golden, Require(golden, "loss"), DType::kF32);
  if (loss.size() != 1) Fail("{}: tensor loss: expected one value", golden.path());
  report.loss_difference = std::abs(found.loss - static_cast<double>(loss[0]));
  const std::map<std::string, Values> gradients = ByName(found.gradients);
  for (const TensorInfo& tensor : golden.tensors()) {
    if (!tensor.name.starts_with(kPrefix)) continue;
    const std::string name = tensor.name.substr(kPrefix.size());
    const auto gradient = gradients.find(name);
    if (gradient == gradients.end() ||
        static_cast<int64_t>(gradient->second.size()) != tensor.num_values()) {
      Fail("{}: tensor {} {}: the model has no weight of that name and shape", golden.path(),
           Printable(tensor.name), ShapeText(tensor.shape));
    }
    report.tensors.push_back(
        Compare(name, gradient->second, Read<float>(golden, tensor, DType::kF32)));
  }
  if (report.tensors.empty()) {
    Fail("{}: expected gradients (tensors named {}*), found none", golden.path(), kPrefix);
  }
  return report;
}

}  // namespace trinity

#include "train/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <span>

#include "base/error.h"
#include "model/tensor_names.h"
#include "train/expert_weight.h"
#include "train/rank_gradients.h"

namespace trinity {
namespace {

constexpr std::string_view kPrefix = "grad.";

void CheckDType(const Checkpoint& file, const TensorInfo& tensor, DType dtype) {
  if (tensor.dtype == dtype) return;
  Fail("{}: tensor {}: expected {}, found {}", file.path(), Printable(tensor.name), NameOf(dtype),
       NameOf(tensor.dtype));
}

template <typename T>
std::vector<T> Read(const Checkpoint& file, const TensorInfo& tensor, DType dtype) {
  CheckDType(file, tensor, dtype);
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

// Where the gradient of a weight is in a golden: values [first, first + its size) of a tensor.
struct GoldenPlace {
  const TensorInfo* tensor;
  int64_t first;
};

// The gradients of a golden, which come to be compared with those of the model one by one.
class GoldenGradients {
 public:
  explicit GoldenGradients(const Checkpoint& golden) : golden_(golden) {
    for (const TensorInfo& tensor : golden.tensors()) {
      if (!tensor.name.starts_with(kPrefix)) continue;
      CheckDType(golden, tensor, DType::kF32);
      compared_[tensor.name].difference.name = tensor.name.substr(kPrefix.size());
    }
    if (compared_.empty()) {
      Fail("{}: expected gradients (tensors named {}*), found none", golden.path(), kPrefix);
    }
  }

  void Compare(const std::string& name, const Matrix& gradient) {
    const int64_t size = gradient.rows() * gradient.cols();
    for (const GoldenPlace& place : PlacesOf(name, size)) {
      if (place.first + size > place.tensor->num_values()) Refuse(*place.tensor);
      std::vector<float> want(static_cast<size_t>(size));
      golden_.ReadAt(*place.tensor, place.first * static_cast<int64_t>(sizeof(float)),
                     std::as_writable_bytes(std::span(want)));
      Compare({gradient.data(), want.size()}, want, compared_.at(place.tensor->name));
    }
  }

  // Throws Error where the model has no weight for what the golden has.
  std::vector<GradientDifference> Finish() const {
    std::vector<GradientDifference> differences;
    for (const auto& [name, compared] : compared_) {
      const TensorInfo& tensor = *golden_.Find(name);
      if (compared.num_values != tensor.num_values()) Refuse(tensor);
      GradientDifference& difference = differences.emplace_back(compared.difference);
      difference.relative =
          compared.scale > 0 ? difference.largest / compared.scale : difference.largest;
    }
    return differences;
  }

 private:
  struct Compared {
    GradientDifference difference;
    double scale = 0;  // the largest of the golden
    int64_t num_values = 0;
  };

  static void Compare(std::span<const float> found, std::span<const float> want,
                      Compared& compared) {
    double& largest = compared.difference.largest;
    for (size_t i = 0; i < want.size(); ++i) {
      const double d = std::abs(static_cast<double>(found[i]) - static_cast<double>(want[i]));
      // NaN counts as the largest of all.
      largest = std::isnan(d) ? HUGE_VAL : std::max(largest, d);
      compared.scale = std::max(compared.scale, std::abs(static_cast<double>(want[i])));
    }
    compared.num_values += static_cast<int64_t>(want.size());
  }

  // By the name of the weight, and of experts in the fused form.
  std::vector<GoldenPlace> PlacesOf(const std::string& name, int64_t size) const {
    std::vector<GoldenPlace> places;
    const auto add = [&](const std::string& weight, int64_t first) {
      const TensorInfo* tensor = golden_.Find(std::string(kPrefix) + weight);
      if (tensor != nullptr) places.push_back({tensor, first});
    };
    add(name, 0);
    const std::optional<ExpertWeight> expert = FindExpertWeight(name);
    if (!expert) return places;
    if (expert->part == "down_proj.weight") {
      add(tensor_names::OfLayer(expert->layer, tensor_names::kFusedDown), expert->expert * size);
    } else {
      const int64_t index = 2 * expert->expert + (expert->part == "up_proj.weight" ? 1 : 0);
      add(tensor_names::OfLayer(expert->layer, tensor_names::kFusedGateUp), index * size);
    }
    return places;
  }

  [[noreturn]] void Refuse(const TensorInfo& tensor) const {
    Fail("{}: tensor {} {}: the model has no weight of that name and shape", golden_.path(),
         Printable(tensor.name), ShapeText(tensor.shape));
  }

  const Checkpoint& golden_;
  std::map<std::string, Compared> compared_;  // by the names of the golden
};

}  // namespace

bool GradientReport::Passed() const {
  return loss_difference <= kGradientTolerance * std::abs(loss) &&
         std::all_of(tensors.begin(), tensors.end(), [](const GradientDifference& tensor) {
           return tensor.relative <= kGradientTolerance;
         });
}

GradientReport CheckGradients(const Model& model, const Checkpoint& golden) {
  GradientReport report;
  GoldenGradients gradients(golden);
  const std::vector<float> loss = Read<float>(golden, Require(golden, "loss"), DType::kF32);
  if (loss.size() != 1) Fail("{}: tensor loss: expected one value", golden.path());
  report.loss = VisitGradients(
      model, ReadIds(golden),
      [&](const std::string& name, const Matrix& gradient) { gradients.Compare(name, gradient); });
  report.loss_difference = std::abs(report.loss - static_cast<double>(loss[0]));
  report.tensors = gradients.Finish();
  return report;
}

}  // namespace trinity

#include "convert/importance_file.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "model/gguf_names.h"

namespace trinity {

ImportanceFile::ImportanceFile(const std::string& path) : file_(Checkpoint::Open(path)) {}

std::vector<float> ImportanceFile::Find(const ModelTensor& tensor) {
  const TensorInfo* info = file_.Find(tensor.name);
  if (info == nullptr) info = file_.Find(GgufName(tensor.name).value_or(tensor.name));
  if (info == nullptr) return {};
  const std::vector<int64_t> shared = {tensor.cols()};
  const std::vector<int64_t> by_expert = {tensor.shape.front(), tensor.cols()};
  const bool fits = info->shape == shared || (tensor.are_experts() && info->shape == by_expert);
  if (!fits || info->dtype != DType::kF32) {
    Fail("{}: {}: expected F32 {}{}, found {} {}", file_.path(), Printable(info->name),
         ShapeText(shared), tensor.are_experts() ? " or " + ShapeText(by_expert) : "",
         NameOf(info->dtype), ShapeText(info->shape));
  }
  std::vector<float> importance(static_cast<size_t>(info->num_values()));
  file_.ReadAt(*info, 0, std::as_writable_bytes(std::span(importance)));
  const auto wrong = std::find_if(importance.begin(), importance.end(),
                                  [](float x) { return !std::isfinite(x) || x < 0; });
  if (wrong != importance.end()) {
    Fail("{}: {}: expected finite numbers, at least 0, found {}", file_.path(),
         Printable(info->name), *wrong);
  }
  used_.insert(info->name);
  return importance;
}

void ImportanceFile::RequireAllUsed() const {
  for (const TensorInfo& info : file_.tensors()) {
    if (!used_.contains(info.name)) {
      Fail("{}: {} is no matrix of this model that is quantized", file_.path(),
           Printable(info.name));
    }
  }
}

}  // namespace trinity

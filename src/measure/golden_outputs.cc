#include "measure/golden_outputs.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "base/error.h"

namespace trinity {
namespace {

// Sequences that verify runs side by side.
constexpr int64_t kMaxSequences = 64;
constexpr int64_t kAnySize = -1;

std::string ExpectedShape(const std::vector<int64_t>& shape) {
  std::vector<std::string> sizes;
  sizes.reserve(shape.size());
  for (const int64_t size : shape) {
    sizes.push_back(size == kAnySize ? "any" : fmt::format("{}", size));
  }
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

class GoldenReader {
 public:
  GoldenReader(const Checkpoint& file, const Config& config) : file_(file), config_(config) {}

  GoldenOutputs Read() {
    golden_.path = file_.path();
    ReadIds();
    ReadLogitsAndHidden();
    ReadRouter();
    ReadGreedy();
    return std::move(golden_);
  }

 private:
  // The tensor, if there is one, of this dtype and shape.
  const TensorInfo* Find(const std::string& name, DType dtype,
                         const std::vector<int64_t>& shape) const {
    const TensorInfo* tensor = file_.Find(name);
    if (tensor == nullptr) return nullptr;
    if (tensor->dtype != dtype) {
      Fail("{}: tensor {}: expected dtype {}, found {}", file_.path(), name, NameOf(dtype),
           NameOf(tensor->dtype));
    }
    const auto fits = [](int64_t found, int64_t want) {
      return want == kAnySize ? found > 0 : found == want;
    };
    if (!std::equal(tensor->shape.begin(), tensor->shape.end(), shape.begin(), shape.end(), fits)) {
      Fail("{}: tensor {}: expected shape {}, found {}", file_.path(), name, ExpectedShape(shape),
           ShapeText(tensor->shape));
    }
    return tensor;
  }

  const TensorInfo& At(const std::string& name, DType dtype,
                       const std::vector<int64_t>& shape) const {
    const TensorInfo* tensor = Find(name, dtype, shape);
    if (tensor == nullptr) {
      Fail("{}: tensor {} is missing: expected shape {}", file_.path(), name, ExpectedShape(shape));
    }
    return *tensor;
  }

  // Row by row, each an id below vocab_size.
  std::vector<std::vector<int32_t>> ReadIdRows(const TensorInfo& tensor) const {
    std::vector<std::vector<int32_t>> rows;
    const auto num_cols = static_cast<size_t>(tensor.shape[1]);
    std::vector<int64_t> values(num_cols);
    for (int64_t row = 0; row < tensor.shape[0]; ++row) {
      const std::span<std::byte> bytes = std::as_writable_bytes(std::span(values));
      file_.ReadAt(tensor, row * static_cast<int64_t>(bytes.size()), bytes);
      std::vector<int32_t>& ids = rows.emplace_back();
      for (const int64_t value : values) {
        if (value < 0 || value >= config_.vocab_size) {
          Fail("{}: tensor {}: expected ids from 0 to {}, found {}", file_.path(), tensor.name,
               config_.vocab_size - 1, value);
        }
        ids.push_back(static_cast<int32_t>(value));
      }
    }
    return rows;
  }

  void ReadIds() {
    const TensorInfo& tensor = At("input_ids", DType::kI64, {kAnySize, kAnySize});
    golden_.num_sequences = tensor.shape[0];
    golden_.num_tokens = tensor.shape[1];
    if (golden_.num_sequences > kMaxSequences) {
      Fail("{}: tensor input_ids: expected at most {} sequences, found {}", file_.path(),
           kMaxSequences, golden_.num_sequences);
    }
    if (golden_.num_tokens > config_.max_position_embeddings) {
      Fail("{}: tensor input_ids: expected at most max_position_embeddings, {}, tokens, found {}",
           file_.path(), config_.max_position_embeddings, golden_.num_tokens);
    }
    golden_.ids = ReadIdRows(tensor);
  }

  // How many of the last positions a tensor holds.
  int64_t NumPositions(const TensorInfo& tensor, size_t dimension) const {
    const int64_t found = tensor.shape[dimension];
    if (found > golden_.num_tokens) {
      Fail("{}: tensor {}: expected at most the {} positions of input_ids, found {}", file_.path(),
           tensor.name, golden_.num_tokens, found);
    }
    return found;
  }

  void ReadLogitsAndHidden() {
    const TensorInfo& logits =
        At("logits", DType::kF32, {golden_.num_sequences, kAnySize, config_.vocab_size});
    golden_.num_logits = NumPositions(logits, 1);
    golden_.logits.emplace(file_, logits);
    const TensorInfo* hidden =
        Find("hidden", DType::kF32,
             {config_.num_hidden_layers + 1, golden_.num_sequences, kAnySize, config_.hidden_size});
    if (hidden == nullptr) return;
    golden_.num_hidden = NumPositions(*hidden, 2);
    golden_.hidden.emplace(file_, *hidden);
  }

  void ReadRouter() {
    const int64_t moe_layers = config_.num_hidden_layers - config_.num_dense_layers;
    const std::vector<int64_t> shape = {moe_layers, golden_.num_sequences, golden_.num_tokens};
    if (const TensorInfo* gap = Find("router_gap", DType::kF32, shape)) {
      golden_.router_gap.emplace(file_, *gap);
    }
    std::vector<int64_t> choice_shape = shape;
    choice_shape.push_back(config_.num_experts_per_tok);
    if (const TensorInfo* experts = Find("router_experts", DType::kI32, choice_shape)) {
      golden_.router_experts.emplace(file_, *experts);
    }
  }

  void ReadGreedy() {
    const TensorInfo* greedy = Find("greedy", DType::kI64, {golden_.num_sequences, kAnySize});
    if (greedy == nullptr) return;
    golden_.greedy = ReadIdRows(*greedy);
    const TensorInfo& length = At("greedy_prompt_length", DType::kI64, {1});
    int64_t& prompt_length = golden_.greedy_prompt_length;
    file_.ReadAt(length, 0, std::as_writable_bytes(std::span(&prompt_length, 1)));
    if (prompt_length < 1 || prompt_length > golden_.num_tokens) {
      Fail("{}: tensor greedy_prompt_length: expected 1 to {}, found {}", file_.path(),
           golden_.num_tokens, prompt_length);
    }
    const int64_t most = config_.max_position_embeddings - prompt_length;
    if (greedy->shape[1] > most) {
      Fail("{}: tensor greedy: expected at most {} steps, found {}", file_.path(), most,
           greedy->shape[1]);
    }
    const TensorInfo* margin = Find("greedy_margin", DType::kF32, greedy->shape);
    if (margin == nullptr) return;
    for (int64_t row = 0; row < golden_.num_sequences; ++row) {
      std::vector<float>& margins = golden_.greedy_margin.emplace_back();
      margins.resize(static_cast<size_t>(greedy->shape[1]));
      GoldenTensor(file_, *margin).ReadAt(row * greedy->shape[1], margins);
    }
  }

  const Checkpoint& file_;
  const Config& config_;
  GoldenOutputs golden_;
};

}  // namespace

void GoldenTensor::ReadAt(int64_t first, std::span<float> out) const {
  file_->ReadAt(*info_, first * static_cast<int64_t>(sizeof(float)), std::as_writable_bytes(out));
}

void GoldenTensor::ReadAt(int64_t first, std::span<int32_t> out) const {
  file_->ReadAt(*info_, first * static_cast<int64_t>(sizeof(int32_t)), std::as_writable_bytes(out));
}

GoldenOutputs GoldenOutputs::Read(const Checkpoint& file, const Config& config) {
  return GoldenReader(file, config).Read();
}

}  // namespace trinity

#include "model/weights.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/tensor_names.h"

namespace trinity {
namespace {

using tensor_names::OfExpert;
using tensor_names::OfLayer;

// Bytes of a unit of reading: large enough for the disk, small beside the model.
constexpr int64_t kUnitBytes = int64_t{2} << 20;

// Free memory below which the system begins to search for more, which costs more than reading.
constexpr int64_t kSpareBytes = int64_t{3} << 30;

// A run of rows of one tensor, to be packed at one place.
struct Unit {
  const TensorInfo* tensor;
  DType packed_dtype;  // the tensor's, or BF16 for an F32 tensor
  int64_t first_row;   // of the tensor seen as [rows, cols]
  int64_t num_rows;
  int64_t cols;
  int64_t destination;  // byte offset in the memory of the matrices
};

// Where a matrix will lie in the memory of the matrices.
struct Place {
  PackedMatrix* matrix;
  int64_t offset;
};

// What a tensor is for, and so which dtypes it may have.
enum class TensorUse { kVector, kMatrix };

// Lays out all matrices, then reads them.
class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const Config& config, ComputeMode mode)
      : checkpoint_(checkpoint), config_(config), mode_(ResolveMode(mode, checkpoint)) {}

  Weights Load(ThreadPool& pool, const LoadProgressCallback& on_progress) {
    Weights weights;
    Describe(weights);
    RefuseUnknownTensors();
    weights.matrix_memory = MemoryBlock(num_bytes_);
    ReadUnits(weights.matrix_memory, pool, on_progress);
    for (const Place& place : places_) {
      place.matrix->data = weights.matrix_memory.data() + place.offset;
    }
    if (config_.tie_word_embeddings) weights.lm_head = weights.embed_tokens;
    return weights;
  }

 private:
  const TensorInfo& Tensor(const std::string& name, std::vector<int64_t> shape, TensorUse use) {
    const TensorInfo* tensor = checkpoint_.Find(name);
    if (tensor == nullptr) {
      Fail("{}: tensor {} is missing: expected shape {}", checkpoint_.path(), name,
           ShapeText(shape));
    }
    if (tensor->shape != shape) {
      Fail("{}: tensor {}: expected shape {}, found {}", checkpoint_.path(), name, ShapeText(shape),
           ShapeText(tensor->shape));
    }
    CheckDType(*tensor, use);
    used_.insert(tensor->name);
    return *tensor;
  }

  void CheckDType(const TensorInfo& tensor, TensorUse use) const {
    const bool is_matrix = use == TensorUse::kMatrix;
    if (!IsMatrixDType(tensor.dtype) || (IsBlockFormat(tensor.dtype) && !is_matrix)) {
      Fail("{}: tensor {}: expected dtype F32, F16{} BF16{}, found {}", checkpoint_.path(),
           tensor.name, is_matrix ? "," : " or", is_matrix ? " or a block format of ggml" : "",
           NameOf(tensor.dtype));
    }
    const int64_t block_values = InfoOf(tensor.dtype).block_values;
    if (tensor.shape.back() % block_values != 0) {
      Fail("{}: tensor {} {}: expected rows of whole blocks of {} values, which {} has, found {}",
           checkpoint_.path(), tensor.name, ShapeText(tensor.shape), block_values,
           NameOf(tensor.dtype), tensor.shape.back());
    }
  }

  std::vector<float> Vector(const std::string& name, int64_t size) {
    const TensorInfo& tensor = Tensor(name, {size}, TensorUse::kVector);
    std::vector<std::byte> bytes(static_cast<size_t>(tensor.num_bytes));
    checkpoint_.ReadAt(tensor, 0, bytes);
    std::vector<float> values(static_cast<size_t>(size));
    WidenToFloat(bytes.data(), tensor.dtype, size, values.data());
    return values;
  }

  void Describe(Norm& norm, const std::string& name, int64_t size) {
    norm.weight = Vector(name, size);
    norm.epsilon = config_.rms_norm_eps;
  }

  // Gives rows [first_row, first_row + rows) of `tensor` a place and says how they get there.
  void Describe(PackedMatrix& matrix, const TensorInfo& tensor, int64_t first_row, int64_t rows,
                int64_t cols) {
    Describe(matrix, tensor, tensor.dtype, {first_row, rows, cols});
  }

  struct Rows {
    int64_t first;
    int64_t count;
    int64_t cols;
  };

  void Describe(PackedMatrix& matrix, const TensorInfo& tensor, DType dtype, const Rows& from) {
    const auto [first_row, rows, cols] = from;
    matrix = {nullptr, dtype, rows, cols, FormFor(mode_, dtype)};
    places_.push_back({&matrix, num_bytes_});
    const int64_t unit_rows =
        std::max<int64_t>(1, kUnitBytes / std::max<int64_t>(1, matrix.panel_bytes())) * kPanelRows;
    for (int64_t row = 0; row < rows; row += unit_rows) {
      units_.push_back({&tensor, dtype, first_row + row, std::min(unit_rows, rows - row), cols,
                        num_bytes_ + row / kPanelRows * matrix.panel_bytes()});
    }
    constexpr int64_t kAlignment = 64;
    num_bytes_ += (PackedBytes(dtype, rows, cols) + kAlignment - 1) / kAlignment * kAlignment;
  }

  void Describe(PackedMatrix& matrix, const std::string& name, int64_t rows, int64_t cols) {
    Describe(matrix, Tensor(name, {rows, cols}, TensorUse::kMatrix), 0, rows, cols);
  }

  void Describe(MlpWeights& mlp, const std::string& prefix, int64_t intermediate_size) {
    Describe(mlp.gate_proj, prefix + "gate_proj.weight", intermediate_size, config_.hidden_size);
    Describe(mlp.up_proj, prefix + "up_proj.weight", intermediate_size, config_.hidden_size);
    Describe(mlp.down_proj, prefix + "down_proj.weight", config_.hidden_size, intermediate_size);
  }

  void Describe(AttentionWeights& attention, int64_t layer) {
    const int64_t hidden = config_.hidden_size;
    const auto name = [layer](const char* part) {
      return OfLayer(layer, std::string("self_attn.") + part + ".weight");
    };
    Describe(attention.q_proj, name("q_proj"), config_.query_size(), hidden);
    Describe(attention.k_proj, name("k_proj"), config_.key_value_size(), hidden);
    Describe(attention.v_proj, name("v_proj"), config_.key_value_size(), hidden);
    Describe(attention.gate_proj.emplace(), name("gate_proj"), config_.query_size(), hidden);
    Describe(attention.o_proj, name("o_proj"), hidden, config_.query_size());
    Describe(attention.q_norm, name("q_norm"), config_.head_dim);
    Describe(attention.k_norm, name("k_norm"), config_.head_dim);
    // Automatic attention rounds where the projections round their input.
    const bool may_round = mode_ == ComputeMode::kAuto
                               ? attention.q_proj.form != ActivationForm::kFloat32
                               : mode_ != ComputeMode::kF32;
    if (may_round && GainsByBF16Attention()) attention.precision = AttentionPrecision::kBFloat16;
  }

  // GGUF holds routers in F32, though they were trained in BF16. Where nothing is lost the shorter
  // form is kept. Rounding the activations would change which experts are chosen, so a router is
  // computed in float32 in every mode.
  void DescribeRouter(PackedMatrix& gate, const std::string& name) {
    const int64_t experts = config_.num_experts, cols = config_.hidden_size;
    const TensorInfo& tensor = Tensor(name, {experts, cols}, TensorUse::kMatrix);
    const DType dtype = IsBFloat16Inside(tensor) ? DType::kBF16 : tensor.dtype;
    Describe(gate, tensor, dtype, {0, experts, cols});
    gate.form = ActivationForm::kFloat32;
  }

  // Whether all values of an F32 tensor are BF16 numbers.
  bool IsBFloat16Inside(const TensorInfo& tensor) const {
    if (tensor.dtype != DType::kF32) return false;
    std::vector<uint32_t> bits(static_cast<size_t>(tensor.num_values()));
    checkpoint_.ReadAt(tensor, 0, std::as_writable_bytes(std::span(bits)));
    return std::all_of(bits.begin(), bits.end(), [](uint32_t x) { return (x & 0xFFFF) == 0; });
  }

  void Describe(MoeWeights& moe, int64_t layer) {
    DescribeRouter(moe.router.gate, OfLayer(layer, "mlp.router.gate.weight"));
    moe.router.expert_bias = Vector(OfLayer(layer, "mlp.expert_bias"), config_.num_experts);
    moe.experts.resize(static_cast<size_t>(config_.num_experts));
    RefuseTwoForms(layer);
    if (Has(OfLayer(layer, tensor_names::kFusedGateUp))) {
      DescribeFusedExperts(moe, layer);
    } else if (Has(OfLayer(layer, tensor_names::kStackedGate))) {
      DescribeStackedExperts(moe, layer);
    } else {
      for (int64_t expert = 0; expert < config_.num_experts; ++expert) {
        Describe(moe.experts[static_cast<size_t>(expert)], OfExpert(layer, expert, ""),
                 config_.moe_intermediate_size);
      }
    }
    if (config_.num_shared_experts > 0) {
      Describe(moe.shared_experts.emplace(), OfLayer(layer, "mlp.shared_experts."),
               config_.shared_intermediate_size());
    }
  }

  bool Has(const std::string& name) const { return checkpoint_.Find(name) != nullptr; }

  void RefuseTwoForms(int64_t layer) const {
    std::string_view found;
    const std::string forms[] = {OfLayer(layer, tensor_names::kFusedGateUp),
                                 OfLayer(layer, tensor_names::kStackedGate),
                                 OfExpert(layer, 0, "gate_proj.weight")};
    for (const std::string& name : forms) {
      if (!Has(name)) continue;
      if (!found.empty()) {
        Fail("{}: layer {} has experts in two forms ({} and {}): expected one form",
             checkpoint_.path(), layer, found, name);
      }
      found = name;
    }
  }

  // One matrix [rows, cols] of every expert of a layer.
  const TensorInfo& Experts(int64_t layer, std::string_view part, int64_t rows, int64_t cols) {
    return Tensor(OfLayer(layer, part), {config_.num_experts, rows, cols}, TensorUse::kMatrix);
  }

  void DescribeStackedExperts(MoeWeights& moe, int64_t layer) {
    const int64_t hidden = config_.hidden_size, rows = config_.moe_intermediate_size;
    const TensorInfo& gate = Experts(layer, tensor_names::kStackedGate, rows, hidden);
    const TensorInfo& up = Experts(layer, tensor_names::kStackedUp, rows, hidden);
    const TensorInfo& down = Experts(layer, tensor_names::kStackedDown, hidden, rows);
    for (int64_t expert = 0; expert < config_.num_experts; ++expert) {
      MlpWeights& mlp = moe.experts[static_cast<size_t>(expert)];
      Describe(mlp.gate_proj, gate, expert * rows, rows, hidden);
      Describe(mlp.up_proj, up, expert * rows, rows, hidden);
      Describe(mlp.down_proj, down, expert * hidden, hidden, rows);
    }
  }

  void DescribeFusedExperts(MoeWeights& moe, int64_t layer) {
    const int64_t hidden = config_.hidden_size, rows = config_.moe_intermediate_size;
    const TensorInfo& gate_up = Experts(layer, tensor_names::kFusedGateUp, 2 * rows, hidden);
    const TensorInfo& down = Experts(layer, tensor_names::kFusedDown, hidden, rows);
    for (int64_t expert = 0; expert < config_.num_experts; ++expert) {
      MlpWeights& mlp = moe.experts[static_cast<size_t>(expert)];
      Describe(mlp.gate_proj, gate_up, expert * 2 * rows, rows, hidden);
      Describe(mlp.up_proj, gate_up, expert * 2 * rows + rows, rows, hidden);
      Describe(mlp.down_proj, down, expert * hidden, hidden, rows);
    }
  }

  void Describe(LayerWeights& layer, int64_t index, FeedForwardKind kind) {
    const int64_t hidden = config_.hidden_size;
    Describe(layer.input_layernorm, OfLayer(index, "input_layernorm.weight"), hidden);
    Describe(layer.post_attention_layernorm, OfLayer(index, "post_attention_layernorm.weight"),
             hidden);
    Describe(layer.pre_mlp_layernorm, OfLayer(index, "pre_mlp_layernorm.weight"), hidden);
    Describe(layer.post_mlp_layernorm, OfLayer(index, "post_mlp_layernorm.weight"), hidden);
    Describe(layer.attention, index);
    if (kind == FeedForwardKind::kDense) {
      Describe(layer.dense.emplace(), OfLayer(index, "mlp."), config_.intermediate_size);
    } else {
      Describe(layer.moe.emplace(), index);
    }
  }

  void Describe(Weights& weights) {
    Describe(weights.embed_tokens, std::string(tensor_names::kEmbedTokens), config_.vocab_size,
             config_.hidden_size);
    Describe(weights.norm, std::string(tensor_names::kNorm), config_.hidden_size);
    const std::vector<LayerPlan> plans = PlanLayers(config_);
    weights.layers.resize(plans.size());
    for (size_t i = 0; i < plans.size(); ++i) {
      Describe(weights.layers[i], static_cast<int64_t>(i), plans[i].feed_forward);
    }
    if (!config_.tie_word_embeddings) {
      Describe(weights.lm_head, std::string(tensor_names::kLmHead), config_.vocab_size,
               config_.hidden_size);
    }
  }

  void RefuseUnknownTensors() const {
    for (const TensorInfo& tensor : checkpoint_.tensors()) {
      // Old exports hold the RoPE frequencies; a tied head may be stored all the same.
      const bool is_known = used_.contains(tensor.name) ||
                            tensor.name.ends_with("rotary_emb.inv_freq") ||
                            (config_.tie_word_embeddings && tensor.name == tensor_names::kLmHead);
      if (!is_known) {
        Fail("{}: tensor {} {} is not part of the model that its config describes",
             checkpoint_.path(), Printable(tensor.name), ShapeText(tensor.shape));
      }
    }
  }

  void ReadUnits(MemoryBlock& memory, ThreadPool& pool, const LoadProgressCallback& on_progress) {
    std::vector<std::vector<std::byte>> buffers(static_cast<size_t>(pool.num_threads()));
    std::mutex paging_mutex, progress_mutex;
    LoadProgress progress;
    for (const Unit& unit : units_) progress.bytes_total += UnitBytes(unit);
    pool.ParallelFor(static_cast<int64_t>(units_.size()), [&](int64_t index, int thread) {
      const Unit& unit = units_[static_cast<size_t>(index)];
      std::vector<std::byte>& buffer = buffers[static_cast<size_t>(thread)];
      buffer.resize(std::max(buffer.size(), static_cast<size_t>(UnitBytes(unit))));
      const std::span<std::byte> bytes(buffer.data(), static_cast<size_t>(UnitBytes(unit)));
      const int64_t offset = BytesOf(unit.tensor->dtype, unit.first_row * unit.cols);
      checkpoint_.ReadAt(*unit.tensor, offset, bytes);
      if (unit.packed_dtype != unit.tensor->dtype) KeepUpperHalves(bytes);
      {
        const std::lock_guard lock(paging_mutex);
        memory.PreferHugePages(unit.destination +
                               PackedBytes(unit.packed_dtype, unit.num_rows, unit.cols));
      }
      PackRows(bytes.data(), unit.packed_dtype, unit.num_rows, unit.cols,
               memory.data() + unit.destination);
      const std::lock_guard lock(progress_mutex);
      progress.bytes_done += UnitBytes(unit);
      // Where file and weights do not fit side by side, the part of the file that was read is what
      // can go: left to itself the system takes four times as long to find room, and takes it from
      // the part that is still to be read.
      if (FreeMemoryBytes() < progress.bytes_total - progress.bytes_done + kSpareBytes) {
        checkpoint_.DropCache(*unit.tensor, offset, UnitBytes(unit));
      }
      if (on_progress) on_progress(progress);
    });
  }

  // Of each four bytes the upper two, side by side.
  static void KeepUpperHalves(std::span<std::byte> bytes) {
    for (size_t i = 0; i * 4 < bytes.size(); ++i) {
      std::memmove(bytes.data() + i * 2, bytes.data() + i * 4 + 2, 2);
    }
  }

  static int64_t UnitBytes(const Unit& unit) {
    return BytesOf(unit.tensor->dtype, unit.num_rows * unit.cols);
  }

  const Checkpoint& checkpoint_;
  const Config& config_;
  ComputeMode mode_;
  std::set<std::string_view> used_;
  std::vector<Place> places_;
  std::vector<Unit> units_;
  int64_t num_bytes_ = 0;
};

}  // namespace

ComputeMode ResolveMode(ComputeMode mode, const Checkpoint& checkpoint) {
  constexpr int64_t kExactBelowBytes = int64_t{1} << 30;
  const bool is_small = checkpoint.total_bytes() < kExactBelowBytes;
  return mode == ComputeMode::kAuto && is_small ? ComputeMode::kF32 : mode;
}

Weights Weights::Load(const Checkpoint& checkpoint, const Config& config, ThreadPool& pool,
                      const LoadOptions& options) {
  return Loader(checkpoint, config, options.compute).Load(pool, options.on_progress);
}

}  // namespace trinity

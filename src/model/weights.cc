#include "model/weights.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/matrix_layout.h"
#include "model/matrix_reader.h"
#include "model/tensor_names.h"

namespace trinity {
namespace {

using tensor_names::OfExpert;
using tensor_names::OfLayer;

// Free memory below which the system begins to search for more, which costs more than reading.
constexpr int64_t kSpareBytes = int64_t{3} << 30;

// What a tensor is for, and so which dtypes it may have.
enum class TensorUse { kVector, kMatrix };

// Lays out all matrices, then reads them.
class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const Config& config, const LoadOptions& options)
      : checkpoint_(checkpoint),
        config_(config),
        mode_(ResolveMode(options.compute, checkpoint)),
        expert_cache_bytes_(options.expert_cache_bytes),
        slice_(SliceOf(config, options.grid, options.rank)) {}

  Weights Load(ThreadPool& pool, const LoadProgressCallback& on_progress) {
    Weights weights;
    weights.slice = slice_;
    Describe(weights);
    RefuseUnknownTensors();
    weights.matrix_memory = MemoryBlock(resident_.num_bytes());
    ReadUnits(weights.matrix_memory, pool, on_progress);
    resident_.SetMemory(weights.matrix_memory.data());
    if (expert_cache_bytes_) LeaveExpertsInFiles(weights, pool);
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

  // A part of a tensor seen as [rows, cols.of].
  struct Part {
    IndexRange rows;
    ColumnCut cols;
  };

  // Gives a part of `tensor` a place and says how it gets there.
  void Describe(PackedMatrix& matrix, const TensorInfo& tensor, DType dtype, const Part& part) {
    const ColumnCut& cols = part.cols;
    matrix = {nullptr, dtype, part.rows.size(), cols.count, FormFor(mode_, dtype)};
    if (matrix.rows == 0 || matrix.cols == 0) return;
    CheckCut(tensor, cols);
    matrix.skipped_blocks = SkippedBlocks(dtype, cols.first);
    layout_->Add(matrix, {&tensor, dtype, part.rows, cols});
  }

  void CheckCut(const TensorInfo& tensor, const ColumnCut& cols) const {
    const bool is_between_blocks =
        cols.first % kCutCols == 0 && (cols.first + cols.count) % kCutCols == 0;
    if (cols.count == cols.of || !IsBlockFormat(tensor.dtype) || is_between_blocks) return;
    Fail(
        "{}: tensor {}: {} columns from {} on for one of the ranks: {} can only be cut at "
        "multiples "
        "of {}; use fewer ranks",
        checkpoint_.path(), tensor.name, cols.count, cols.first, NameOf(tensor.dtype), kCutCols);
  }

  // Of a matrix [rows, cols] the rows that this rank holds.
  void DescribeRows(PackedMatrix& matrix, const std::string& name, int64_t rows, int64_t cols,
                    const IndexRange& held) {
    const TensorInfo& tensor = Tensor(name, {rows, cols}, TensorUse::kMatrix);
    Describe(matrix, tensor, tensor.dtype, {held, {0, cols, cols}});
  }

  // The same with columns.
  void DescribeCols(PackedMatrix& matrix, const std::string& name, int64_t rows, int64_t cols,
                    const IndexRange& held) {
    const TensorInfo& tensor = Tensor(name, {rows, cols}, TensorUse::kMatrix);
    Describe(matrix, tensor, tensor.dtype, {{0, rows}, {held.begin, held.size(), cols}});
  }

  void Describe(MlpWeights& mlp, const std::string& prefix, int64_t intermediate_size,
                const IndexRange& held) {
    const int64_t hidden = config_.hidden_size;
    DescribeRows(mlp.gate_proj, prefix + "gate_proj.weight", intermediate_size, hidden, held);
    DescribeRows(mlp.up_proj, prefix + "up_proj.weight", intermediate_size, hidden, held);
    DescribeCols(mlp.down_proj, prefix + "down_proj.weight", hidden, intermediate_size, held);
  }

  // What this rank holds of the columns of an expert.
  IndexRange ExpertCols(int64_t expert) const {
    const bool is_held = expert >= slice_.experts.begin && expert < slice_.experts.end;
    return is_held ? slice_.expert_cols : IndexRange{};
  }

  void Describe(AttentionWeights& attention, int64_t layer) {
    const int64_t hidden = config_.hidden_size, head_dim = config_.head_dim;
    const int64_t query_size = config_.query_size(), key_value_size = config_.key_value_size();
    const IndexRange query = {slice_.query_heads.begin * head_dim,
                              slice_.query_heads.end * head_dim};
    const IndexRange key_value = {slice_.kv_heads.begin * head_dim, slice_.kv_heads.end * head_dim};
    const auto name = [layer](const char* part) {
      return OfLayer(layer, std::string("self_attn.") + part + ".weight");
    };
    DescribeRows(attention.q_proj, name("q_proj"), query_size, hidden, query);
    DescribeRows(attention.k_proj, name("k_proj"), key_value_size, hidden, key_value);
    DescribeRows(attention.v_proj, name("v_proj"), key_value_size, hidden, key_value);
    DescribeRows(attention.gate_proj.emplace(), name("gate_proj"), query_size, hidden, query);
    DescribeCols(attention.o_proj, name("o_proj"), hidden, query_size, query);
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
    Describe(gate, tensor, dtype, {{0, experts}, {0, cols, cols}});
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
        BeginExpert();
        Describe(moe.experts[static_cast<size_t>(expert)], OfExpert(layer, expert, ""),
                 config_.moe_intermediate_size, ExpertCols(expert));
      }
    }
    layout_ = &resident_;
    if (config_.num_shared_experts > 0) {
      Describe(moe.shared_experts.emplace(), OfLayer(layer, "mlp.shared_experts."),
               config_.shared_intermediate_size(), slice_.shared_cols);
    }
  }

  // What is described next is an expert: where these stay in files, each has a layout of its own.
  void BeginExpert() {
    if (expert_cache_bytes_) layout_ = &experts_.emplace_back();
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

  // Where a matrix of one expert begins in a tensor of all.
  struct FirstRow {
    const TensorInfo* tensor;
    int64_t row;
  };

  void DescribeOne(MlpWeights& mlp, const IndexRange& held, const FirstRow& gate,
                   const FirstRow& up, const FirstRow& down) {
    BeginExpert();
    const int64_t hidden = config_.hidden_size, intermediate_size = config_.moe_intermediate_size;
    const auto describe_rows = [&](PackedMatrix& matrix, const FirstRow& first) {
      Describe(matrix, *first.tensor, first.tensor->dtype,
               {{first.row + held.begin, first.row + held.end}, {0, hidden, hidden}});
    };
    describe_rows(mlp.gate_proj, gate);
    describe_rows(mlp.up_proj, up);
    Describe(mlp.down_proj, *down.tensor, down.tensor->dtype,
             {{down.row, down.row + hidden}, {held.begin, held.size(), intermediate_size}});
  }

  void DescribeStackedExperts(MoeWeights& moe, int64_t layer) {
    const int64_t hidden = config_.hidden_size, rows = config_.moe_intermediate_size;
    const TensorInfo& gate = Experts(layer, tensor_names::kStackedGate, rows, hidden);
    const TensorInfo& up = Experts(layer, tensor_names::kStackedUp, rows, hidden);
    const TensorInfo& down = Experts(layer, tensor_names::kStackedDown, hidden, rows);
    for (int64_t expert = 0; expert < config_.num_experts; ++expert) {
      DescribeOne(moe.experts[static_cast<size_t>(expert)], ExpertCols(expert),
                  {&gate, expert * rows}, {&up, expert * rows}, {&down, expert * hidden});
    }
  }

  void DescribeFusedExperts(MoeWeights& moe, int64_t layer) {
    const int64_t hidden = config_.hidden_size, rows = config_.moe_intermediate_size;
    const TensorInfo& gate_up = Experts(layer, tensor_names::kFusedGateUp, 2 * rows, hidden);
    const TensorInfo& down = Experts(layer, tensor_names::kFusedDown, hidden, rows);
    for (int64_t expert = 0; expert < config_.num_experts; ++expert) {
      DescribeOne(moe.experts[static_cast<size_t>(expert)], ExpertCols(expert),
                  {&gate_up, expert * 2 * rows}, {&gate_up, expert * 2 * rows + rows},
                  {&down, expert * hidden});
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
      Describe(layer.dense.emplace(), OfLayer(index, "mlp."), config_.intermediate_size,
               slice_.dense_cols);
    } else {
      Describe(layer.moe.emplace(), index);
    }
  }

  void Describe(Weights& weights) {
    DescribeRows(weights.embed_tokens, std::string(tensor_names::kEmbedTokens), config_.vocab_size,
                 config_.hidden_size, slice_.vocabulary);
    Describe(weights.norm, std::string(tensor_names::kNorm), config_.hidden_size);
    const std::vector<LayerPlan> plans = PlanLayers(config_);
    weights.layers.resize(plans.size());
    for (size_t i = 0; i < plans.size(); ++i) {
      Describe(weights.layers[i], static_cast<int64_t>(i), plans[i].feed_forward);
    }
    if (!config_.tie_word_embeddings) {
      DescribeRows(weights.lm_head, std::string(tensor_names::kLmHead), config_.vocab_size,
                   config_.hidden_size, slice_.vocabulary);
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
    std::vector<MatrixUnit> units;
    resident_.AppendUnits(units);
    MatrixReader reader(checkpoint_, MatrixReader::PageCache::kMayKeep, pool.num_threads());
    std::mutex paging_mutex, progress_mutex;
    LoadProgress progress;
    for (const MatrixUnit& unit : units) progress.bytes_total += unit.num_bytes();
    pool.ParallelFor(static_cast<int64_t>(units.size()), [&](int64_t index, int thread) {
      const MatrixUnit& unit = units[static_cast<size_t>(index)];
      {
        const std::lock_guard lock(paging_mutex);
        memory.PreferHugePages(unit.destination + unit.packed_bytes());
      }
      reader.Read(unit, thread, memory.data());
      const std::lock_guard lock(progress_mutex);
      progress.bytes_done += unit.num_bytes();
      // Where file and weights do not fit side by side, the part of the file that was read is what
      // can go: left to itself the system takes four times as long to find room, and takes it from
      // the part that is still to be read.
      if (FreeMemoryBytes() < progress.bytes_total - progress.bytes_done + kSpareBytes) {
        reader.DropCache(unit);
      }
      if (on_progress) on_progress(progress);
    });
  }

  // Each expert comes into memory when a step chooses it.
  void LeaveExpertsInFiles(Weights& weights, ThreadPool& pool) {
    weights.expert_store = std::make_unique<ExpertStore>(checkpoint_, pool, std::move(experts_),
                                                         config_.num_experts, *expert_cache_bytes_);
    int64_t moe_layer = 0;
    for (LayerWeights& layer : weights.layers) {
      if (!layer.moe) continue;
      layer.moe->expert_store = weights.expert_store.get();
      layer.moe->layer_of_store = moe_layer++;
    }
  }

  const Checkpoint& checkpoint_;
  const Config& config_;
  ComputeMode mode_;
  std::optional<int64_t> expert_cache_bytes_;
  RankSlice slice_;
  std::set<std::string_view> used_;
  MatrixLayout resident_;
  std::vector<MatrixLayout> experts_;  // [num_moe_layers * num_experts] where they stay in files
  MatrixLayout* layout_ = &resident_;  // where Describe puts matrices
};

}  // namespace

ComputeMode ResolveMode(ComputeMode mode, const Checkpoint& checkpoint) {
  constexpr int64_t kExactBelowBytes = int64_t{1} << 30;
  const bool is_small = checkpoint.total_bytes() < kExactBelowBytes;
  return mode == ComputeMode::kAuto && is_small ? ComputeMode::kF32 : mode;
}

int64_t Weights::num_bytes() const {
  size_t num_floats = norm.weight.size();
  for (const LayerWeights& layer : layers) {
    for (const Norm* of_layer :
         {&layer.input_layernorm, &layer.post_attention_layernorm, &layer.pre_mlp_layernorm,
          &layer.post_mlp_layernorm, &layer.attention.q_norm, &layer.attention.k_norm}) {
      num_floats += of_layer->weight.size();
    }
    if (layer.moe) num_floats += layer.moe->router.expert_bias.size();
  }
  return matrix_memory.num_bytes() + (expert_store ? expert_store->cache_bytes() : 0) +
         static_cast<int64_t>(num_floats * sizeof(float));
}

Weights Weights::Load(const Checkpoint& checkpoint, const Config& config, ThreadPool& pool,
                      const LoadOptions& options) {
  return Loader(checkpoint, config, options).Load(pool, options.on_progress);
}

}  // namespace trinity

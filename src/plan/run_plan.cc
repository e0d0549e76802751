#include "plan/run_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "kernels/attend.h"
#include "plan/backward_plan.h"

namespace trinity {
namespace {

// Code, standard library, tokenizer and its tables, buffers of reading.
constexpr int64_t kProgramBytes = 24 << 20;
constexpr int64_t kTokenBytes = 256;  // of the vocabulary: text, id, place in the merges

// Scratch of the kernels of a thread.
constexpr int64_t kThreadBytes = 4 << 20;

// All layers of a kind; `tokens` of each sequence are held.
int64_t KvOf(const Config& config, AttentionKind kind, int64_t tokens, int64_t kv_heads,
             const RunShape& shape) {
  const int64_t page_bytes =
      config.num_layers_of(kind) * kv_heads * KvPageBytes(shape.kv_dtype, config.head_dim);
  return KvPagesFor(tokens) * shape.num_sequences * page_bytes;
}

// Rows of the largest step.
int64_t StepRows(const RunShape& shape) {
  return std::max(std::min(shape.context, shape.prefill_chunk), shape.num_sequences);
}

int64_t ActivationBytes(const Config& c, const RankSlice& slice, const RunShape& shape) {
  const int64_t rows = StepRows(shape);
  const int64_t query = slice.query_heads.size() * c.head_dim;
  const int64_t key_value = slice.kv_heads.size() * c.head_dim;
  const int64_t choices = c.num_experts_per_tok;
  // Float32 rows, and at most half as much again rounded for the products that read them.
  const int64_t hidden_rows = 9 * c.hidden_size + c.hidden_size / 2;
  const int64_t attention_rows = 3 * query + query / 2 + 2 * key_value + c.head_dim;
  const int64_t mlp_rows = (3 * slice.dense_cols.size() + slice.dense_cols.size() / 2) +
                           choices * (3 * slice.expert_cols.size() + slice.expert_cols.size() / 2) +
                           (3 * slice.shared_cols.size() + slice.shared_cols.size() / 2);
  const int64_t routing_rows = 2 * c.num_experts + 4 * choices;
  const int64_t floats = rows * (hidden_rows + attention_rows + mlp_rows + routing_rows);
  // A long sequence is attended to in blocks with partial sums of their own.
  const int64_t tiles =
      std::min<int64_t>(shape.num_threads * 4, shape.num_sequences * slice.kv_heads.size());
  const int64_t blocks = (shape.context + kAttentionBlockTokens - 1) / kAttentionBlockTokens;
  const int64_t partials = tiles * blocks * kAttentionTileQueries * (c.head_dim + 4);
  return (floats + partials) * static_cast<int64_t>(sizeof(float)) +
         shape.num_threads * kThreadBytes;
}

// What a backward pass takes beyond `before`, what steps took.
int64_t MoreForBackward(const Config& config, std::span<const PlannedTensor> tensors,
                        const RunShape& shape, int rank, const RankMemory& before) {
  const int64_t rows = *shape.backward_rows;
  const int64_t kv_heads = SliceOf(config, shape.ranks, rank).kv_heads.size();
  const int64_t tokens = (rows + shape.num_sequences - 1) / shape.num_sequences;
  RunShape whole = shape;  // of each sequence, in one step
  whole.kv_dtype = DType::kF32;
  const int64_t bytes = BackwardBytes(config, tensors, shape.ranks, rank, rows) +
                        KvOf(config, AttentionKind::kFull, tokens, kv_heads, whole) +
                        KvOf(config, AttentionKind::kSliding, tokens, kv_heads, whole);
  // Rank 0 is done with its steps by then, while others wait for the next with all that they had.
  const int64_t given_back =
      rank == 0 ? before.kv_full + before.kv_sliding + before.activations + before.logits : 0;
  return std::max<int64_t>(0, bytes - given_back);
}

RankMemory MemoryOf(const Config& config, std::span<const PlannedTensor> tensors,
                    const RunShape& shape, int rank) {
  const RankSlice slice = SliceOf(config, shape.ranks, rank);
  RankMemory memory;
  for (const PlannedTensor& tensor : tensors) {
    memory.weights[static_cast<size_t>(tensor.parameter_class)] +=
        tensor.HeldCount(slice) * tensor.ResidentBytes(config, slice);
  }
  int64_t& experts = memory.weights[static_cast<size_t>(ParameterClass::kRoutedExperts)];
  experts = std::min(experts, shape.expert_cache_bytes.value_or(experts));
  const int64_t window = config.sliding_window.value_or(shape.context);
  const int64_t held = std::min(shape.context, window + StepRows(shape) + kKvPageTokens);
  memory.kv_full = KvOf(config, AttentionKind::kFull, shape.context, slice.kv_heads.size(), shape);
  memory.kv_sliding = KvOf(config, AttentionKind::kSliding, held, slice.kv_heads.size(), shape);
  memory.activations = ActivationBytes(config, slice, shape);
  memory.logits = shape.logit_rows.value_or(shape.num_sequences) * config.vocab_size *
                  static_cast<int64_t>(sizeof(float));
  memory.program = kProgramBytes + config.vocab_size * kTokenBytes;
  if (shape.backward_rows) memory.backward = MoreForBackward(config, tensors, shape, rank, memory);
  return memory;
}

// Of `count` experts, how many `rows` independent choices of `chosen` are expected to touch.
double ExpectedExperts(int64_t count, int64_t chosen, int64_t rows) {
  const double missed = 1 - static_cast<double>(chosen) / static_cast<double>(count);
  return static_cast<double>(count) * (1 - std::pow(missed, static_cast<double>(rows)));
}

// The rows of a step, and what they see.
struct StepRowsShape {
  int64_t rows;
  int64_t logit_rows;
  int64_t num_sequences;
  int64_t context;  // positions that a row sees in a full layer
  DType kv_dtype;
};

StepWork WorkOf(const Config& config, std::span<const PlannedTensor> tensors,
                const RankSlice& slice, const StepRowsShape& step) {
  StepWork work;
  const auto rows = static_cast<double>(step.rows);
  for (const PlannedTensor& tensor : tensors) {
    const auto bytes = static_cast<double>(tensor.ResidentBytes(config, slice));
    const double ops = 2 * tensor.HeldValues(config, slice);
    const bool is_embedding = tensor.parameter_class == ParameterClass::kEmbedding;
    const bool is_head = tensor.parameter_class == ParameterClass::kHead ||
                         (is_embedding && config.tie_word_embeddings);
    if (tensor.parameter_class == ParameterClass::kRoutedExperts) {
      const double held =
          static_cast<double>(tensor.HeldCount(slice)) / static_cast<double>(tensor.count);
      work.bytes +=
          held * bytes * ExpectedExperts(tensor.count, config.num_experts_per_tok, step.rows);
      work.ops += held * ops * rows * static_cast<double>(config.num_experts_per_tok);
    } else if (is_head) {
      work.bytes += bytes;
      work.ops += ops * static_cast<double>(step.logit_rows);
    } else if (is_embedding) {
      work.bytes += bytes * rows / static_cast<double>(config.vocab_size);
    } else {
      work.bytes += bytes;
      if (tensor.is_matrix) work.ops += ops * rows;
    }
  }
  const auto kv_heads = static_cast<double>(slice.kv_heads.size());
  work.bytes += kv_heads / static_cast<double>(config.num_key_value_heads) *
                static_cast<double>(step.num_sequences) *
                static_cast<double>(PlanKv(config, step.kv_dtype, step.context).total());
  const int64_t window = std::min(config.sliding_window.value_or(step.context), step.context);
  const int64_t seen = config.num_layers_of(AttentionKind::kFull) * step.context +
                       config.num_layers_of(AttentionKind::kSliding) * window;
  // A product for the score and one for the value of each dimension.
  work.ops += 4 * rows * static_cast<double>(seen) *
              static_cast<double>(slice.query_heads.size() * config.head_dim);
  return work;
}

StepWork MostWork(const Config& config, std::span<const PlannedTensor> tensors,
                  const RankGrid& ranks, const StepRowsShape& step) {
  StepWork most;
  for (int rank = 0; rank < ranks.num_ranks; ++rank) {
    const StepWork work = WorkOf(config, tensors, SliceOf(config, ranks, rank), step);
    most.bytes = std::max(most.bytes, work.bytes);
    most.ops = std::max(most.ops, work.ops);
  }
  return most;
}

}  // namespace

int64_t RankMemory::weight_bytes() const {
  return std::accumulate(weights.begin(), weights.end(), int64_t{0});
}

int64_t RankMemory::total() const {
  return weight_bytes() + kv_full + kv_sliding + activations + logits + program + backward;
}

RankMemory PlanRun(const Config& config, std::span<const PlannedTensor> tensors,
                   const RunShape& shape) {
  if (!IsKvDType(shape.kv_dtype, config.head_dim)) {
    Fail("--kv-type {}: needs a head_dim that is a multiple of 32, the model's is {}",
         NameOf(shape.kv_dtype), config.head_dim);
  }
  RankMemory most;
  for (int rank = 0; rank < shape.ranks.num_ranks; ++rank) {
    const RankMemory memory = MemoryOf(config, tensors, shape, rank);
    if (memory.total() > most.total()) most = memory;
  }
  return most;
}

int64_t LeastExpertCache(const Config& config, std::span<const PlannedTensor> tensors,
                         const RunShape& shape) {
  const RankSlice slice = SliceOf(config, shape.ranks, 0);  // no rank has more
  int64_t rows_bytes = 0, cols_bytes = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (tensor.parameter_class != ParameterClass::kRoutedExperts) continue;
    int64_t& most = tensor.cut == TensorCut::kExpertCols ? cols_bytes : rows_bytes;
    most = std::max(most, tensor.ResidentBytes(config, slice));
  }
  return config.num_experts_per_tok * (2 * rows_bytes + cols_bytes);
}

int64_t ChosenExpertCache(const Config& config, std::span<const PlannedTensor> tensors,
                          const RunShape& shape, int64_t memory_bytes) {
  RunShape resident = shape;
  resident.expert_cache_bytes.reset();
  RunShape mapped = shape;
  mapped.expert_cache_bytes = LeastExpertCache(config, tensors, shape);
  const int64_t all = PlanRun(config, tensors, resident)
                          .weights[static_cast<size_t>(ParameterClass::kRoutedExperts)];
  const int64_t rest = memory_bytes - PlanRun(config, tensors, mapped).total();
  return std::min(all, *mapped.expert_cache_bytes + std::max<int64_t>(0, rest) / 4 * 3);
}

int64_t LargestContext(const Config& config, std::span<const PlannedTensor> tensors,
                       const RunShape& shape, int64_t memory_bytes) {
  const auto fits = [&](int64_t context) {
    RunShape tried = shape;
    tried.context = context;
    return PlanRun(config, tensors, tried).total() <= memory_bytes;
  };
  if (fits(config.max_position_embeddings)) return config.max_position_embeddings;
  int64_t low = 0, high = config.max_position_embeddings / kKvPageTokens;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (fits(middle * kKvPageTokens) ? low : high) = middle;
  }
  return low * kKvPageTokens;
}

StepWork DecodeWork(const Config& config, std::span<const PlannedTensor> tensors,
                    const RunShape& shape) {
  return MostWork(config, tensors, shape.ranks,
                  {shape.num_sequences, shape.num_sequences, shape.num_sequences, shape.context,
                   shape.kv_dtype});
}

StepWork PrefillWork(const Config& config, std::span<const PlannedTensor> tensors,
                     const RunShape& shape) {
  const int64_t rows = std::min(shape.prefill_chunk, shape.context);
  return MostWork(config, tensors, shape.ranks,
                  {rows, 1, 1, std::max<int64_t>(1, shape.context / 2), shape.kv_dtype});
}

}  // namespace trinity

#include "measure/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "base/check.h"
#include "kernels/attend.h"
#include "kernels/matmul.h"
#include "measure/machine.h"
#include "model/kv_cache.h"
#include "model/memory_plan.h"

namespace trinity {
namespace {

constexpr AttentionKind kKinds[] = {AttentionKind::kSliding, AttentionKind::kFull};

// Bytes of one position's key and value in one kv head.
double KvTokenBytes(const Config& config, DType dtype) {
  return static_cast<double>(KvPageBytes(dtype, config.head_dim)) / kKvPageTokens;
}

// A page of random keys and values, as the kernels hold them.
std::vector<std::byte> RandomPage(const Config& config, DType dtype) {
  std::vector<std::byte> page(static_cast<size_t>(KvPageBytes(dtype, config.head_dim)));
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.5F);
  std::vector<float> row(static_cast<size_t>(2 * config.head_dim));
  for (int64_t slot = 0; slot < kKvPageTokens; ++slot) {
    for (float& value : row) value = normal(random);
    StoreKeyValue(row.data(), row.data() + config.head_dim, config.head_dim, dtype, slot,
                  page.data());
  }
  return page;
}

// The page in all layers and heads of one kind, at `position`.
void FillPage(const KvCache& cache, const KvShape& shape, AttentionKind kind, int64_t position,
              const std::vector<std::byte>& page) {
  for (int64_t layer = 0; layer < shape.config.num_layers_of(kind); ++layer) {
    for (int64_t head = 0; head < shape.num_kv_heads; ++head) {
      std::memcpy(cache.PageAt(kind, layer, head, position), page.data(), page.size());
    }
  }
}

// As if `num_tokens` tokens had been computed, in an empty cache.
void FillCache(KvCache& cache, const KvShape& shape, int64_t num_tokens,
               const std::vector<std::byte>& page) {
  constexpr int64_t kChunkTokens = 8 * kKvPageTokens;
  for (int64_t first = 0; first < num_tokens; first += kChunkTokens) {
    const int64_t end = std::min(num_tokens, first + kChunkTokens);
    cache.Extend(end - first, [&] {
      for (int64_t position = first; position < end; position += kKvPageTokens) {
        for (const AttentionKind kind : kKinds) FillPage(cache, shape, kind, position, page);
      }
    });
  }
}

std::vector<int32_t> RandomIds(const Config& config, int64_t count) {
  std::mt19937 random(2);
  std::vector<int32_t> ids(static_cast<size_t>(count));
  for (int32_t& id : ids) id = static_cast<int32_t>(random() % config.vocab_size);
  return ids;
}

// Parameters of the matrices that each token is multiplied with; the head is apart, because it is
// not computed for each.
double BlockParameters(const Config& config) {
  const WeightPlan plan = PlanWeights(config, DType::kF32);
  int64_t parameters = 0;
  for (const ParameterClass c :
       {ParameterClass::kAttention, ParameterClass::kDense, ParameterClass::kRoutedExperts,
        ParameterClass::kSharedExperts, ParameterClass::kRouter}) {
    parameters += plan.Of(c).active_parameters;
  }
  return static_cast<double>(parameters);
}

double HeadParameters(const Config& config) {
  return static_cast<double>(config.vocab_size) * static_cast<double>(config.hidden_size);
}

// Sum of min(position + 1, window) over positions [first, first + count).
int64_t WindowedPairs(int64_t first, int64_t count, int64_t window) {
  const auto triangle = [](int64_t n) { return n * (n + 1) / 2; };
  const auto up_to = [&](int64_t end) {  // over [0, end)
    const int64_t growing = std::min(end, window);
    return triangle(growing) + (end - growing) * window;
  };
  return up_to(first + count) - up_to(first);
}

}  // namespace

std::string_view NameOf(BenchKind kind) {
  return kind == BenchKind::kPrefill ? "prefill" : "decode";
}

VisibleKeys CountVisible(const Config& config, int64_t first, int64_t count) {
  VisibleKeys visible;
  for (const AttentionKind kind : kKinds) {
    const int64_t end = first + count;
    const int64_t window =
        kind == AttentionKind::kSliding ? config.sliding_window.value_or(end) : end;
    const int64_t layers = config.num_layers_of(kind);
    visible.pairs += layers * WindowedPairs(first, count, window);
    visible.keys += layers * std::min(end, window + count - 1);
  }
  return visible;
}

Arithmetic ArithmeticOf(ComputeMode mode, const Checkpoint& checkpoint) {
  std::map<DType, int64_t> bytes_of;
  for (const TensorInfo& tensor : checkpoint.tensors()) bytes_of[tensor.dtype] += tensor.num_bytes;
  DType most = DType::kF32;
  for (const auto& [dtype, num_bytes] : bytes_of) {
    if (num_bytes > bytes_of[most]) most = dtype;
  }
  return BestArithmetic(FormFor(ResolveMode(mode, checkpoint), most));
}

RoofShare ShareOf(const BenchResult& result, const Roof& roof, Arithmetic arithmetic) {
  const double read_speed = std::max(roof.read_bytes_per_s, roof.small_set_bytes_per_s);
  const double reading = result.bytes_per_s() / read_speed;
  const double computing = result.ops_per_s() / roof.OpsPerSecond(arithmetic);
  return {std::max(reading, computing), reading >= computing};
}

// The sequences of a cell, which share pools.
struct Bench::Sequences {
  Sequences(const KvShape& shape, DType dtype, int64_t count)
      : pools(shape, dtype), page(RandomPage(shape.config, dtype)) {
    for (int64_t i = 0; i < count; ++i) caches.push_back(std::make_unique<KvCache>(pools));
  }

  void Fill(const KvShape& shape, int64_t num_tokens) {
    for (const std::unique_ptr<KvCache>& cache : caches) cache->Clear();
    for (const std::unique_ptr<KvCache>& cache : caches) {
      FillCache(*cache, shape, num_tokens, page);
    }
  }

  KvPools pools;
  std::vector<std::byte> page;
  std::vector<std::unique_ptr<KvCache>> caches;
  std::vector<int32_t> ids;  // [tokens, batch]
};

Bench::Bench(const Model& model, const BenchOptions& options) : model_(model), options_(options) {
  TRINITY_CHECK(options.prefill_chunk > 0 && options.repeats > 0);
}

std::optional<std::string> Bench::ReasonToSkip(const BenchCell& cell) const {
  const Config& config = model_.config();
  const int64_t length = cell.depth + cell.tokens;
  if (length > config.max_position_embeddings) {
    return fmt::format("{} tokens are more than max_position_embeddings, {}", length,
                       config.max_position_embeddings);
  }
  int64_t positions = 0;
  for (const AttentionKind kind : kKinds) {
    const int64_t window = config.sliding_window.value_or(length);
    const bool slides = kind == AttentionKind::kSliding;
    // A sliding layer holds its window and what a step adds, in whole pages.
    const int64_t held =
        slides ? std::min(length, window + StepTokens(cell)) + 2 * kKvPageTokens : length;
    positions += config.num_layers_of(kind) * held;
  }
  const double bytes = KvTokenBytes(config, options_.kv_dtype) *
                       static_cast<double>(config.num_key_value_heads * positions * cell.batch);
  int64_t available = DescribeMachine().available_bytes;
  if (const auto& store = model_.weights().expert_store) available -= store->untouched_bytes();
  if (available > 0 && bytes > static_cast<double>(available)) {
    return fmt::format("its keys and values take {:.2f} GB, {:.2f} GB of memory are left",
                       bytes / 1e9, static_cast<double>(available) / 1e9);
  }
  return std::nullopt;
}

std::optional<BenchResult> Bench::Run(const BenchCell& cell, const CancelToken& cancel) {
  Sequences sequences(model_.kv_shape(), options_.kv_dtype, cell.batch);
  sequences.ids = RandomIds(model_.config(), cell.total_tokens());

  // Everything is touched before it is timed: the pages of the whole cell, and with the first step
  // activations and weights.
  sequences.Fill(model_.kv_shape(), cell.depth + cell.tokens);
  sequences.Fill(model_.kv_shape(), cell.depth);
  BenchCell first_step = cell;
  first_step.tokens = StepTokens(cell);
  if (!Compute(first_step, sequences, cancel)) return std::nullopt;

  std::vector<double> seconds;
  BenchResult result = {cell};
  result.repeats = options_.repeats;
  const std::optional<ExpertTraffic> traffic = model_.expert_traffic();
  double weight_bytes = 0;
  for (int64_t i = 0; i < options_.repeats; ++i) {
    sequences.Fill(model_.kv_shape(), cell.depth);
    const int64_t bytes_before = WeightBytesStreamed();
    const auto start = std::chrono::steady_clock::now();
    if (!Compute(cell, sequences, cancel)) return std::nullopt;
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    weight_bytes += static_cast<double>(WeightBytesStreamed() - bytes_before);
  }
  if (traffic) result.experts = model_.expert_traffic()->Since(*traffic);
  std::sort(seconds.begin(), seconds.end());
  result.seconds_min = seconds.front();
  result.seconds = seconds[seconds.size() / 2];
  result.seconds_max = seconds.back();
  result.work = CountWork(cell);
  result.work.weight_bytes = weight_bytes / static_cast<double>(options_.repeats);
  return result;
}

bool Bench::Compute(const BenchCell& cell, Sequences& sequences, const CancelToken& cancel) {
  const int64_t step_tokens = StepTokens(cell);
  Step step;
  for (int64_t first = 0; first < cell.tokens; first += step_tokens) {
    if (cancel.is_cancelled()) return false;
    const int64_t count = std::min(step_tokens, cell.tokens - first);
    // A decode needs logits after each token, a prefill after the last.
    const bool is_last = first + count == cell.tokens;
    const int64_t num_logits = cell.kind == BenchKind::kDecode || is_last ? 1 : 0;
    step.Clear();
    size_t at = static_cast<size_t>(first * cell.batch);
    for (const std::unique_ptr<KvCache>& cache : sequences.caches) {
      step.Add(*cache, std::span(sequences.ids).subspan(at, static_cast<size_t>(count)),
               num_logits);
      at += static_cast<size_t>(count);
    }
    model_.Forward(step, activations_);
  }
  return true;
}

int64_t Bench::StepTokens(const BenchCell& cell) const {
  return cell.kind == BenchKind::kDecode ? 1 : std::min(cell.tokens, options_.prefill_chunk);
}

BenchWork Bench::CountWork(const BenchCell& cell) const {
  const Config& config = model_.config();
  const int64_t step_tokens = StepTokens(cell);
  VisibleKeys visible;
  for (int64_t first = 0; first < cell.tokens; first += step_tokens) {
    const VisibleKeys of_step =
        CountVisible(config, cell.depth + first, std::min(step_tokens, cell.tokens - first));
    visible.pairs += of_step.pairs;
    visible.keys += of_step.keys;
  }
  const auto batch = static_cast<double>(cell.batch);
  const auto logit_rows =
      batch * (cell.kind == BenchKind::kDecode ? static_cast<double>(cell.tokens) : 1.0);
  BenchWork work;
  work.kv_bytes = batch * KvTokenBytes(config, options_.kv_dtype) *
                  static_cast<double>(config.num_key_value_heads * visible.keys);
  work.ops =
      2 * BlockParameters(config) * static_cast<double>(cell.total_tokens()) +
      2 * HeadParameters(config) * logit_rows +
      4 * batch * static_cast<double>(config.query_size()) * static_cast<double>(visible.pairs);
  return work;
}

}  // namespace trinity

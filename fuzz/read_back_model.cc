#include "fuzz/read_back_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/check.h"

namespace trinity {
namespace {

constexpr std::array kKinds = {AttentionKind::kSliding, AttentionKind::kFull};

int64_t FirstSeen(const Config& config, AttentionKind kind, int64_t position) {
  if (kind == AttentionKind::kFull) return 0;
  return std::max<int64_t>(0, position - *config.sliding_window + 1);
}

uint32_t Hash(uint32_t hash, std::span<const int32_t> ids) {
  for (const int32_t id : ids) hash = (hash ^ static_cast<uint32_t>(id + 1)) * 16777619U;
  return hash;
}

int32_t TokenOf(uint32_t hash) {
  return static_cast<int32_t>((hash ^ (hash >> 15)) % uint32_t{kReadBackTokens});
}

void Write(const StepSequence& rows, const Step& step) {
  for (int64_t row = rows.first_row; row < rows.first_row + rows.num_rows; ++row) {
    const int64_t position = rows.PositionOf(row);
    const int32_t id = step.token_ids()[static_cast<size_t>(row)];
    for (const AttentionKind kind : kKinds) {
      std::byte* page = rows.cache->PageAt(kind, 0, 0, position);
      std::memcpy(page + position % kKvPageTokens * 4, &id, sizeof(id));
    }
  }
}

std::vector<int32_t> Read(const Config& config, const KvCache& cache, AttentionKind kind,
                          int64_t position) {
  std::vector<int32_t> ids;
  for (int64_t at = FirstSeen(config, kind, position); at <= position; ++at) {
    const auto block = cache.BlockAt(kind, 0, 0, at / kAttentionBlockTokens);
    const int64_t in_block = at % kAttentionBlockTokens;
    const std::byte* page = block.at(static_cast<size_t>(in_block / kKvPageTokens));
    TRINITY_CHECK(page != nullptr);
    ids.emplace_back();
    std::memcpy(&ids.back(), page + in_block % kKvPageTokens * 4, sizeof(int32_t));
  }
  return ids;
}

}  // namespace

Config ReadBackConfig(int64_t window, int64_t max_context) {
  Config config;
  config.hidden_size = 1;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 1;
  config.num_key_value_heads = 1;
  config.head_dim = 2;
  config.vocab_size = kReadBackTokens;
  config.max_position_embeddings = max_context;
  config.layer_types = {AttentionKind::kSliding, AttentionKind::kFull};
  config.sliding_window = window;
  return config;
}

void ReadBackForward(const Config& config, const Step& step, Activations& a) {
  for (const StepSequence& rows : step.sequences()) {
    rows.cache->Reserve(rows.num_rows);
    Write(rows, step);
  }
  if (step.is_abandoned && step.is_abandoned()) return;
  if (step.on_stream) {
    Matrix hidden;
    hidden.Resize(step.num_rows(), config.hidden_size);
    for (int64_t row = 0; row < step.num_rows(); ++row) {
      hidden.Row(row)[0] = static_cast<float>(step.token_ids()[static_cast<size_t>(row)]);
    }
    step.on_stream(config.num_hidden_layers, hidden, a);
  }
  const std::vector<int64_t>& logit_rows = step.logit_rows();
  a.logits.Resize(static_cast<int64_t>(logit_rows.size()), config.vocab_size);
  for (size_t i = 0; i < logit_rows.size(); ++i) {
    const StepSequence& rows = step.SequenceOf(logit_rows[i]);
    uint32_t hash = 0;
    for (const AttentionKind kind : kKinds) {
      hash = Hash(hash, Read(config, *rows.cache, kind, rows.PositionOf(logit_rows[i])));
    }
    float* logits = a.logits.Row(static_cast<int64_t>(i));
    std::fill_n(logits, config.vocab_size, 0.0F);
    logits[TokenOf(hash)] = 1;
  }
  for (const StepSequence& rows : step.sequences()) rows.cache->Commit(rows.num_rows);
}

int32_t ReadBackNext(const Config& config, std::span<const int32_t> ids) {
  const auto last = static_cast<int64_t>(ids.size()) - 1;
  uint32_t hash = 0;
  for (const AttentionKind kind : kKinds) {
    hash = Hash(hash, ids.subspan(static_cast<size_t>(FirstSeen(config, kind, last))));
  }
  return TokenOf(hash);
}

}  // namespace trinity

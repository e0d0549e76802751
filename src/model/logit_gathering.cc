#include "model/logit_gathering.h"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include "kernels/best_logits.h"
#include "model/rank_slice.h"

namespace trinity {
namespace {

struct BestLogit {
  int32_t id;
  float logit;
};

// How many logits each row wants; empty where one wants all.
std::vector<int64_t> NumBestOfRows(const Step& step) {
  std::vector<int64_t> num_best;
  for (const int64_t row : step.logit_rows()) {
    const StepSequence& sequence = step.SequenceOf(row);
    if (!sequence.num_best) return {};
    num_best.push_back(*sequence.num_best);
  }
  return num_best;
}

void GatherAll(std::span<const IndexRange> parts, Communicator& ranks, Activations& a) {
  const int64_t num_rows = a.logits.rows();
  std::vector<int64_t> part_bytes;
  for (const IndexRange& part : parts) {
    part_bytes.push_back(num_rows * part.size() * static_cast<int64_t>(sizeof(float)));
  }
  std::span<std::byte> all;
  if (ranks.is_leader()) {
    a.logit_parts.Resize(num_rows, parts.back().end);
    all = std::as_writable_bytes(a.logit_parts.values());
  }
  ranks.Gather(std::as_bytes(a.logits.values()), part_bytes, all);
  if (!ranks.is_leader()) return;
  a.logits.Resize(num_rows, parts.back().end);
  const float* from = a.logit_parts.data();
  for (const IndexRange& part : parts) {
    for (int64_t row = 0; row < num_rows; ++row, from += part.size()) {
      std::copy_n(from, part.size(), a.logits.Row(row) + part.begin);
    }
  }
}

void GatherBest(std::span<const IndexRange> parts, std::span<const int64_t> num_best,
                Communicator& ranks, Activations& a) {
  const auto num_rows = static_cast<int64_t>(num_best.size());
  const auto num_sent = [&](const IndexRange& part, int64_t row) {
    return std::min(num_best[static_cast<size_t>(row)], part.size());
  };
  std::vector<int64_t> part_bytes;
  int64_t num_all = 0;
  for (const IndexRange& part : parts) {
    int64_t num_of_part = 0;
    for (int64_t row = 0; row < num_rows; ++row) num_of_part += num_sent(part, row);
    part_bytes.push_back(num_of_part * static_cast<int64_t>(sizeof(BestLogit)));
    num_all += num_of_part;
  }
  const IndexRange& own = parts[static_cast<size_t>(ranks.rank())];
  std::vector<BestLogit> best;
  for (int64_t row = 0; row < num_rows; ++row) {
    const std::span<const float> logits(a.logits.Row(row), static_cast<size_t>(own.size()));
    for (const int32_t id : BestLogits(logits, num_sent(own, row))) {
      best.push_back({static_cast<int32_t>(own.begin) + id, logits[static_cast<size_t>(id)]});
    }
  }
  std::vector<BestLogit> all(static_cast<size_t>(ranks.is_leader() ? num_all : 0));
  ranks.Gather(std::as_bytes(std::span(best)), part_bytes, std::as_writable_bytes(std::span(all)));
  if (!ranks.is_leader()) return;
  a.logits.Resize(num_rows, parts.back().end);
  std::fill_n(a.logits.data(), a.logits.values().size(), -std::numeric_limits<float>::infinity());
  const BestLogit* from = all.data();
  for (const IndexRange& part : parts) {
    for (int64_t row = 0; row < num_rows; ++row) {
      for (int64_t i = 0; i < num_sent(part, row); ++i, ++from) {
        a.logits.Row(row)[from->id] = from->logit;
      }
    }
  }
}

}  // namespace

void GatherLogits(const Config& config, const Step& step, Communicator& ranks, Activations& a) {
  if (ranks.size() == 1) return;
  std::vector<IndexRange> parts;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    parts.push_back(VocabularyOf(config, ranks.size(), rank));
  }
  const std::vector<int64_t> num_best = NumBestOfRows(step);
  if (num_best.empty()) {
    GatherAll(parts, ranks, a);
  } else {
    GatherBest(parts, num_best, ranks, a);
  }
}

}  // namespace trinity

#include "train/rank_gradients.h"

#include <algorithm>
#include <exception>

#include "model/memory_plan.h"
#include "model/rank_steps.h"
#include "model/tensor_cut.h"
#include "parallel/gather_each.h"
#include "parallel/rank_lost.h"
#include "train/backward.h"
#include "train/expert_weight.h"

namespace trinity {
namespace {

using Sequences = std::vector<std::vector<int32_t>>;

// Sequences as words, each behind its length.
std::vector<int64_t> ToWords(std::span<const std::vector<int32_t>> sequences) {
  std::vector<int64_t> words;
  for (const std::vector<int32_t>& ids : sequences) {
    words.push_back(static_cast<int64_t>(ids.size()));
    words.insert(words.end(), ids.begin(), ids.end());
  }
  return words;
}

Sequences FromWords(std::span<const int64_t> words) {
  Sequences sequences;
  while (!words.empty()) {
    const auto size = static_cast<size_t>(words.front());
    std::vector<int32_t>& ids = sequences.emplace_back();
    for (const int64_t id : words.subspan(1, size)) ids.push_back(static_cast<int32_t>(id));
    words = words.subspan(1 + size);
  }
  return sequences;
}

// What every rank holds.
std::vector<RankSlice> SlicesOf(const Model& model) {
  Communicator& ranks = model.ranks();
  std::vector<RankSlice> slices = GatherEach(ranks, model.weights().slice);
  slices.resize(static_cast<size_t>(ranks.size()));
  ranks.Broadcast(std::as_writable_bytes(std::span(slices)));
  return slices;
}

// Brings the parts of gradients to rank 0.
class Gathering {
 public:
  explicit Gathering(const Model& model) : model_(model), slices_(SlicesOf(model)) {}

  // On rank 0 calls visit with the whole of it.
  void Gather(const std::string& name, const Matrix& own, const GradientVisit& visit) {
    std::vector<MatrixPart> parts;
    std::vector<int64_t> part_bytes;
    int64_t rows = 0, cols = 0, num_values = 0;
    for (size_t rank = 0; rank < slices_.size(); ++rank) {
      const MatrixPart& part = parts.emplace_back(PartOf(name, own, rank));
      rows = std::max(rows, part.rows.end);
      cols = std::max(cols, part.cols.end);
      num_values += part.rows.size() * part.cols.size();
      part_bytes.push_back(part.rows.size() * part.cols.size() *
                           static_cast<int64_t>(sizeof(float)));
    }
    Communicator& ranks = model_.ranks();
    const auto sent_bytes = static_cast<size_t>(part_bytes[static_cast<size_t>(ranks.rank())]);
    if (ranks.is_leader()) gathered_.resize(static_cast<size_t>(num_values));
    ranks.Gather({reinterpret_cast<const std::byte*>(own.data()), sent_bytes}, part_bytes,
                 std::as_writable_bytes(std::span(gathered_)));
    if (!ranks.is_leader()) return;
    Matrix whole(rows, cols);
    const float* from = gathered_.data();
    for (const MatrixPart& part : parts) {
      for (int64_t row = part.rows.begin; row < part.rows.end; ++row, from += part.cols.size()) {
        std::copy_n(from, part.cols.size(), whole.Row(row) + part.cols.begin);
      }
    }
    visit(name, whole);
  }

 private:
  // What a rank sends: of what all have whole only rank 0 sends anything.
  MatrixPart PartOf(const std::string& name, const Matrix& own, size_t rank) const {
    const RankSlice& slice = slices_[rank];
    const TensorCut cut = CutOf(name, FindParameterClass(name).value());
    if (cut == TensorCut::kWhole && rank > 0) return {};
    const std::optional<ExpertWeight> expert = FindExpertWeight(name);
    if (expert && (expert->expert < slice.experts.begin || expert->expert >= slice.experts.end)) {
      return {};
    }
    // The sizes that are not cut are those of every rank's part.
    return HeldPart(cut, {{0, own.rows()}, {0, own.cols()}}, model_.config(), slice);
  }

  const Model& model_;
  std::vector<RankSlice> slices_;
  std::vector<float> gathered_;
};

// What all ranks do.
double ComputeAndGather(const Model& model, std::span<const std::vector<int32_t>> sequences,
                        const GradientVisit& visit) {
  const LossAndGradients found = ComputeGradients(model, sequences);
  if (model.ranks().size() == 1) {
    found.gradients.ForEach(visit);
    return found.loss;
  }
  Gathering gathering(model);
  found.gradients.ForEach([&](const std::string& name, const Matrix& gradient) {
    gathering.Gather(name, gradient, visit);
  });
  return found.loss;
}

}  // namespace

double VisitGradients(const Model& model, std::span<const std::vector<int32_t>> sequences,
                      const GradientVisit& visit) {
  CheckHasLoss(model, sequences);
  std::exception_ptr failure;  // of the visitor, of which the other ranks need not hear
  const GradientVisit visit_all = [&](const std::string& name, const Matrix& gradient) {
    if (failure) return;
    try {
      visit(name, gradient);
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
  };
  double loss = 0;
  try {
    if (model.ranks().size() > 1) {
      model.SendTask(RankTaskKind::kGradients, ToWords(sequences));
    }
    loss = ComputeAndGather(model, sequences, visit_all);
  } catch (const RankLost&) {
    throw;
  } catch (const std::exception& error) {
    // The others wait for what this rank will not compute.
    model.ranks().Lose(error.what());
    throw;
  }
  if (failure) std::rethrow_exception(failure);
  return loss;
}

void FollowGradients(const Model& model, MirroredCaches& /*caches*/,
                     std::span<const int64_t> words) {
  ComputeAndGather(model, FromWords(words), {});
}

}  // namespace trinity

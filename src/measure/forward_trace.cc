#include "measure/forward_trace.h"

#include <algorithm>
#include <memory>

#include "base/check.h"

namespace trinity {
namespace {

constexpr int64_t kMaxLogitBytes = int64_t{256} << 20;

TracedToken TokenOf(const Step& step, int64_t row) {
  const StepSequence& sequence = step.SequenceOf(row);
  return {&sequence - step.sequences().data(), sequence.PositionOf(row)};
}

// The place of each MoE layer among its like; -1 for dense layers.
std::vector<int64_t> MoeLayerOf(const Model& model) {
  std::vector<int64_t> moe_layer_of;
  int64_t num_moe_layers = 0;
  for (const LayerPlan& plan : model.plans()) {
    const bool is_moe = plan.feed_forward == FeedForwardKind::kMoe;
    moe_layer_of.push_back(is_moe ? num_moe_layers++ : -1);
  }
  return moe_layer_of;
}

StreamObserver ObserveStream(const Model& model, const Step& step, const TraceObserver& observer) {
  if (!observer.on_hidden && !observer.on_experts) return {};
  return [&model, &step, &observer, moe_layer_of = MoeLayerOf(model)](
             int64_t index, const Matrix& stream, const Activations& a) {
    const auto width = static_cast<size_t>(stream.cols());
    const int64_t moe_layer = index == 0 ? -1 : moe_layer_of[static_cast<size_t>(index - 1)];
    const auto num_chosen = static_cast<size_t>(model.config().num_experts_per_tok);
    for (int64_t row = 0; row < stream.rows(); ++row) {
      const TracedToken token = TokenOf(step, row);
      if (observer.on_hidden) observer.on_hidden(token, index, {stream.Row(row), width});
      if (observer.on_experts && moe_layer >= 0) {
        const std::span<const int32_t> experts(a.routing.experts);
        observer.on_experts(token, moe_layer,
                            experts.subspan(static_cast<size_t>(row) * num_chosen, num_chosen));
      }
    }
  };
}

}  // namespace

int64_t MostTracedLogits(const Config& config, int64_t num_sequences) {
  const int64_t token_bytes =
      config.vocab_size * num_sequences * static_cast<int64_t>(sizeof(float));
  return std::max<int64_t>(1, kMaxLogitBytes / token_bytes);
}

void TraceForward(const Model& model, const TraceRequest& request, const TraceObserver& observer) {
  TRINITY_CHECK(!request.sequences.empty() && request.prefill_chunk > 0);
  const auto num_sequences = static_cast<int64_t>(request.sequences.size());
  const auto num_tokens = static_cast<int64_t>(request.sequences.front().size());
  const int64_t vocab_size = model.config().vocab_size;
  const int64_t max_logit_tokens = MostTracedLogits(model.config(), num_sequences);

  KvPools pools(model.kv_shape(), request.kv_dtype);
  std::vector<std::unique_ptr<KvCache>> caches;
  for (int64_t i = 0; i < num_sequences; ++i) caches.push_back(std::make_unique<KvCache>(pools));
  Activations activations;
  Step step;
  step.on_stream = ObserveStream(model, step, observer);
  for (int64_t first = 0; first < num_tokens;) {
    int64_t count = std::min(request.prefill_chunk, num_tokens - first);
    const bool has_logits = observer.on_logits && first + count > request.first_logit_position;
    if (has_logits) count = std::min(count, max_logit_tokens);
    const int64_t end = first + count;
    const int64_t num_logits =
        has_logits ? std::clamp<int64_t>(end - request.first_logit_position, 0, count) : 0;
    step.Clear();
    for (size_t i = 0; i < caches.size(); ++i) {
      TRINITY_CHECK(static_cast<int64_t>(request.sequences[i].size()) == num_tokens);
      step.Add(*caches[i],
               request.sequences[i].subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
               num_logits);
    }
    model.Forward(step, activations);
    for (size_t i = 0; i < step.logit_rows().size(); ++i) {
      observer.on_logits(
          TokenOf(step, step.logit_rows()[i]),
          {activations.logits.Row(static_cast<int64_t>(i)), static_cast<size_t>(vocab_size)});
    }
    first = end;
  }
}

}  // namespace trinity

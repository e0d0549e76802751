#include "tests/support/random_model.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/random.h"
#include "convert/synth.h"

namespace trinity {
namespace {

// Draws in turn.
class Draws {
 public:
  Draws(uint64_t seed, uint64_t stream) : seed_(seed), stream_(stream) {}

  // From `first` to `last`, both included.
  int64_t Integer(int64_t first, int64_t last) {
    const auto count = static_cast<double>(last - first + 1);
    return first + static_cast<int64_t>(UniformAt(seed_, stream_, position_++) * count);
  }
  bool Bool() { return Integer(0, 1) == 1; }

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t position_ = 0;
};

enum Stream : uint64_t { kConfigStream, kIdStream };

// Query and kv heads in one of three ways.
void DrawHeads(Draws& draws, Json& config) {
  const int64_t way = draws.Integer(0, 2);
  const int64_t num_kv_heads = way == 0 ? 1 : draws.Integer(2, 5);
  const int64_t group = way == 2 ? 1 : draws.Integer(2, 4);
  config["num_key_value_heads"] = num_kv_heads;
  config["num_attention_heads"] = num_kv_heads * group;
  config["head_dim"] = 2 * draws.Integer(3, 20);
}

void DrawLayers(Draws& draws, Json& config) {
  const int64_t num_layers = draws.Integer(1, 6);
  config["num_hidden_layers"] = num_layers;
  config["num_dense_layers"] = draws.Integer(0, num_layers);
  config["sliding_window"] = draws.Integer(1, 20);
  if (draws.Bool()) {
    config["global_attn_every_n_layers"] = draws.Integer(1, 4);
    return;
  }
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    config["layer_types"].push_back(draws.Bool() ? "sliding_attention" : "full_attention");
  }
}

void DrawExperts(Draws& draws, Json& config) {
  const int64_t num_experts = draws.Integer(2, 13);
  config["num_experts"] = num_experts;
  config["num_experts_per_tok"] = draws.Integer(1, std::min<int64_t>(num_experts, 4));
  config["num_shared_experts"] = draws.Integer(0, 2);
  config["route_norm"] = draws.Bool();
  config["route_scale"] = 0.25 * static_cast<double>(draws.Integer(2, 12));
  config["score_func"] = draws.Integer(0, 3) == 0 ? "softmax" : "sigmoid";
}

// The experts of each token in one layer, sorted.
void AddChoices(const Routing& routing, const std::vector<float>& bias, ExpertChoices& choices) {
  const auto num_experts = static_cast<int64_t>(bias.size());
  const int64_t rows = routing.scores.rows();
  const auto num_chosen = static_cast<int64_t>(routing.experts.size()) / rows;
  for (int64_t row = 0; row < rows; ++row) {
    const auto first = routing.experts.begin() + row * num_chosen;
    std::vector<int32_t> chosen(first, first + num_chosen);
    std::sort(chosen.begin(), chosen.end());
    choices.experts.insert(choices.experts.end(), chosen.begin(), chosen.end());
    if (num_chosen == num_experts) continue;
    std::vector<float> compared(routing.scores.Row(row), routing.scores.Row(row) + num_experts);
    for (size_t i = 0; i < bias.size(); ++i) compared[i] += bias[i];
    std::sort(compared.begin(), compared.end(), std::greater<>());
    const auto last = static_cast<size_t>(num_chosen - 1);
    choices.smallest_gap = std::min(choices.smallest_gap, compared[last] - compared[last + 1]);
  }
}

}  // namespace

Json RandomConfig(uint64_t seed) {
  Draws draws(seed, kConfigStream);
  Json config = {{"model_type", "afmoe"},
                 {"max_position_embeddings", 4096},
                 {"rms_norm_eps", 1e-5},
                 {"hidden_size", draws.Integer(20, 130)},
                 {"intermediate_size", draws.Integer(20, 200)},
                 {"moe_intermediate_size", draws.Integer(10, 100)},
                 {"vocab_size", draws.Integer(70, 300)},
                 {"rope_theta", draws.Bool() ? 10000.0 : 500.0},
                 {"mup_enabled", draws.Bool()},
                 {"tie_word_embeddings", draws.Bool()}};
  DrawLayers(draws, config);
  DrawHeads(draws, config);
  DrawExperts(draws, config);
  return config;
}

Checkpoint WriteRandomModel(uint64_t seed, const std::string& folder) {
  return WriteRandomModel(seed, folder, RandomConfig(seed));
}

Checkpoint WriteRandomModel(uint64_t seed, const std::string& folder, const Json& config) {
  SynthOptions options;
  options.folder = folder;
  options.dtype = DType::kF32;
  options.seed = seed;
  ThreadPool pool(1);
  Synthesize(config, options, pool, nullptr);
  return Checkpoint::Open(folder);
}

std::vector<int32_t> RandomIds(const Config& config, uint64_t seed, int64_t count) {
  Draws draws(seed, kIdStream);
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<int32_t>(draws.Integer(0, config.vocab_size - 1)));
  }
  return ids;
}

ObservedRun RunObserved(const Model& model, std::span<const int32_t> ids) {
  ObservedRun run;
  run.choices.smallest_gap = std::numeric_limits<float>::infinity();
  KvPools pools(model.kv_shape(), DType::kF32);
  KvCache cache(pools);
  Step step;
  step.Add(cache, ids, static_cast<int64_t>(ids.size()));
  step.on_stream = [&](int64_t index, const Matrix&, const Activations& a) {
    if (index == 0) return;
    const std::optional<MoeWeights>& moe =
        model.weights().layers[static_cast<size_t>(index - 1)].moe;
    if (moe) AddChoices(a.routing, moe->router.expert_bias, run.choices);
  };
  Activations activations;
  model.Forward(step, activations);
  const std::span<float> logits = activations.logits.values();
  run.logits.assign(logits.begin(), logits.end());
  return run;
}

}  // namespace trinity

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"

namespace trinity {

// The config.json of a small AFMoE model, the same for the same seed. What differs between seeds:
// the number of layers, how many of them are dense (none, all), which attend to all positions and
// how far the others see, grouped heads, one kv head, one for each query head, all sizes, most of
// them no multiple of a vector or of a block of 32, experts, how many a token chooses, how many are
// shared (none), and each switch of the router, of the embedding and of the head.
Json RandomConfig(uint64_t seed);

// A checkpoint with random weights in float32, written to `folder`, which is made: of RandomConfig,
// or of another config.
Checkpoint WriteRandomModel(uint64_t seed, const std::string& folder);
Checkpoint WriteRandomModel(uint64_t seed, const std::string& folder, const Json& config);

// Token ids of the vocabulary of `config`.
std::vector<int32_t> RandomIds(const Config& config, uint64_t seed, int64_t count);

// Which experts a model chooses for some tokens.
struct ExpertChoices {
  std::vector<int32_t> experts;  // [MoE layers][tokens, num_experts_per_tok], each token's sorted
  // How much nearer the last chosen is to being chosen than the next at the least, in what is
  // compared: score + expert_bias. Infinite where there is nothing to choose.
  float smallest_gap = 0;
};

// Of the tokens of a sequence, with their logits [tokens, vocab_size].
struct ObservedRun {
  std::vector<float> logits;
  ExpertChoices choices;
};
ObservedRun RunObserved(const Model& model, std::span<const int32_t> ids);

// Where the gap of a choice is below this, another order of the sums before it may decide it
// otherwise.
inline constexpr float kDecidedGap = 2e-5F;

}  // namespace trinity

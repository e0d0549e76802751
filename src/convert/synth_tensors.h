#pragma once

#include <vector>

#include "base/json.h"
#include "checkpoint/safetensors_writer.h"
#include "model/config.h"

namespace trinity {

// How the values of random tensors are distributed.
enum class SynthInit {
  // Keeps activations of the order of 1 in every layer and spreads routing evenly: matrices
  // normal(0, 1 / sqrt(inputs)); the embedding so that rows have that size after the muP factor;
  // gains normal around 1, those of the two post norms of a block around 1 / sqrt(layers), so that
  // the tokens still differ in the last router; expert_bias normal(0, 0.01).
  kBalanced,
  // The architecture's own, as transformers initialises a model: matrices normal(0,
  // initializer_range), gains 1, router and expert_bias 0.
  kReference
};

// One tensor of a random checkpoint; constant where stddev is 0.
struct SynthTensor {
  TensorSpec spec;
  double mean = 0;
  double stddev = 0;
};

// All tensors of a checkpoint of this shape, per-expert names, in the order of the forward pass.
// Matrices and gains in `dtype`, expert_bias always F32.
std::vector<SynthTensor> ListSynthTensors(const Config& config, DType dtype, SynthInit init,
                                          double initializer_range);

// initializer_range of config.json, 0.02 where it has none. Throws Error where it is no number from
// 0 on.
double InitializerRangeOf(const Json& config);

}  // namespace trinity

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/memory_plan.h"

namespace trinity {

// Bytes of the weights of a model of this shape in a type that people ask for by name.
//
// Classes of parameters have one dtype each here; mixtures that give some layers more bits
// (q4_k_m, q5_k_m) count the average of their layers.
struct TypedWeights {
  std::string_view type;  // "bf16", "q8_0", ...
  int64_t bytes = 0;
  int64_t active_bytes = 0;  // read for one token
};

// For bf16, q8_0, q6_k, q5_k_m, q4_k_m, q4_0; largest first. Throws Error where a number does not
// fit 64 bits.
std::vector<TypedWeights> PlanTypes(const Config& config);

// How a model would run on a machine.
struct ExpectedSpeed {
  int64_t memory_bytes = 0;  // weights, keys and values of the context, and what goes beside them
  bool fits = false;
  double tokens_per_s = 0;  // of one sequence whose context is half full, at the roof of reading
};

// `context` tokens of one sequence, cached in f16.
ExpectedSpeed Expect(const Config& config, const TypedWeights& weights, int64_t context,
                     int64_t available_bytes, double read_bytes_per_s);

}  // namespace trinity

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/dtype.h"
#include "checkpoint/checkpoint.h"
#include "model/config.h"

namespace trinity {

enum class ParameterClass {
  kEmbedding,
  kHead,
  kAttention,
  kDense,
  kRoutedExperts,
  kSharedExperts,
  kRouter,
  kNorms
};
inline constexpr size_t kNumParameterClasses = 8;
std::string_view NameOf(ParameterClass parameter_class);

// Parameters and their bytes: of all tensors, and of what one token reads (one embedding row, and
// num_experts_per_tok of the routed experts).
struct WeightCount {
  int64_t parameters = 0;
  int64_t bytes = 0;
  int64_t active_parameters = 0;
  int64_t active_bytes = 0;
};

// Where the parameters of a model are. All numbers are exact.
struct WeightPlan {
  std::array<WeightCount, kNumParameterClasses> classes;

  WeightCount& Of(ParameterClass c) { return classes[static_cast<size_t>(c)]; }
  const WeightCount& Of(ParameterClass c) const { return classes[static_cast<size_t>(c)]; }
  WeightCount Total() const;
};

// What the shapes that `config` implies come to, with expert_bias in F32 and all else in `dtype`.
// Throws Error where a number does not fit 64 bits.
WeightPlan PlanWeights(const Config& config, DType dtype);

// What the tensors of `checkpoint` come to, as they are stored. Tensors that are not part of the
// model are left out.
WeightPlan PlanWeights(const Config& config, const Checkpoint& checkpoint);

// The class of the tensor with this name, if it is part of an AFMoE model.
std::optional<ParameterClass> FindParameterClass(std::string_view tensor_name);

// Bytes of the keys and values of one sequence.
struct KvBytes {
  int64_t full = 0;     // of the layers that keep every token
  int64_t sliding = 0;  // of those that keep the window

  int64_t total() const { return full + sliding; }
};

// For a sequence of `num_tokens`, without the rounding to pages. Throws Error where a number does
// not fit 64 bits.
KvBytes PlanKv(const Config& config, DType dtype, int64_t num_tokens);

}  // namespace trinity

#include "measure/expected_speed.h"

#include <array>

namespace trinity {
namespace {

// Bits a parameter takes in each class.
struct TypeBits {
  std::string_view type;
  double matrices;
  double head;
  // v_proj and down_proj have more bits in half of the layers of the mixtures.
  double often_more;
};

constexpr double kBitsQ4K = 4.5, kBitsQ5K = 5.5, kBitsQ6K = 6.5625, kBitsQ8 = 8.5, kBitsQ4 = 4.5;

constexpr std::array<TypeBits, 6> kTypes = {
    {{"bf16", 16, 16, 16},
     {"q8_0", kBitsQ8, kBitsQ8, kBitsQ8},
     {"q6_k", kBitsQ6K, kBitsQ6K, kBitsQ6K},
     {"q5_k_m", kBitsQ5K, kBitsQ6K, (kBitsQ5K + kBitsQ6K) / 2},
     {"q4_k_m", kBitsQ4K, kBitsQ6K, (kBitsQ4K + kBitsQ6K) / 2},
     {"q4_0", kBitsQ4, kBitsQ6K, kBitsQ4}}};

// What a model takes beside weights and cache: program, tokenizer, activations.
constexpr int64_t kBesideBytes = 300'000'000;

double BitsOf(const TypeBits& bits, const Config& config, ParameterClass c) {
  switch (c) {
    case ParameterClass::kHead:
      return bits.head;
    case ParameterClass::kNorms:
    case ParameterClass::kRouter:
      return bits.matrices < 16 ? 32 : 16;  // float32 in quantised files
    case ParameterClass::kEmbedding:
      return config.tie_word_embeddings ? bits.head : bits.matrices;
    case ParameterClass::kAttention: {
      const auto hidden = static_cast<double>(config.hidden_size);
      const double value = static_cast<double>(config.key_value_size()) * hidden;
      const double all = 3 * static_cast<double>(config.query_size()) * hidden + 2 * value;
      return bits.matrices + (bits.often_more - bits.matrices) * value / all;
    }
    case ParameterClass::kDense:
    case ParameterClass::kRoutedExperts:
    case ParameterClass::kSharedExperts:
      return bits.matrices + (bits.often_more - bits.matrices) / 3;  // down_proj of three
  }
  return bits.matrices;
}

TypedWeights PlanType(const WeightPlan& plan, const TypeBits& bits, const Config& config) {
  double all = 0, active = 0;
  for (size_t i = 0; i < kNumParameterClasses; ++i) {
    const double bytes = BitsOf(bits, config, static_cast<ParameterClass>(i)) / 8;
    all += bytes * static_cast<double>(plan.classes[i].parameters);
    active += bytes * static_cast<double>(plan.classes[i].active_parameters);
  }
  return {bits.type, static_cast<int64_t>(all), static_cast<int64_t>(active)};
}

}  // namespace

std::vector<TypedWeights> PlanTypes(const Config& config) {
  const WeightPlan plan = PlanWeights(config, DType::kBF16);
  std::vector<TypedWeights> types;
  for (const TypeBits& bits : kTypes) types.push_back(PlanType(plan, bits, config));
  return types;
}

ExpectedSpeed Expect(const Config& config, const TypedWeights& weights, int64_t context,
                     int64_t available_bytes, double read_bytes_per_s) {
  ExpectedSpeed expected;
  expected.memory_bytes =
      weights.bytes + PlanKv(config, DType::kF16, context).total() + kBesideBytes;
  expected.fits = expected.memory_bytes <= available_bytes;
  const int64_t token_bytes =
      weights.active_bytes + PlanKv(config, DType::kF16, context / 2).total();
  expected.tokens_per_s = read_bytes_per_s / static_cast<double>(token_bytes);
  return expected;
}

}  // namespace trinity

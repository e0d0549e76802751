#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "generate/sampler.h"
#include "generate/token_logprobs.h"

namespace trinity {
namespace {

constexpr int64_t kVocabSize = 200192;

// As of a model that is fairly sure: normal, with a few tokens far above.
std::vector<float> ModelLogits() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 2.0F);
  std::vector<float> logits(kVocabSize);
  for (float& logit : logits) logit = normal(random);
  for (size_t i = 0; i < 50; ++i) logits[random() % kVocabSize] += 10.0F;
  return logits;
}

void Pick(benchmark::State& state, const SamplingOptions& options) {
  const std::vector<float> logits = ModelLogits();
  Sampler sampler(options, kVocabSize);
  std::mt19937 random(2);
  std::vector<int32_t> prompt(4096);
  for (int32_t& id : prompt) id = static_cast<int32_t>(random() % 2000);
  sampler.Begin(prompt);
  int64_t position = 0;
  for (auto _ : state) benchmark::DoNotOptimize(sampler.Pick(logits, position++));
}

SamplingOptions AtTemperature(double temperature) {
  SamplingOptions options;
  options.temperature = temperature;
  return options;
}

void BM_SampleGreedy(benchmark::State& state) { Pick(state, {}); }
BENCHMARK(BM_SampleGreedy)->Unit(benchmark::kMicrosecond);

void BM_SampleTemperature(benchmark::State& state) { Pick(state, AtTemperature(0.8)); }
BENCHMARK(BM_SampleTemperature)->Unit(benchmark::kMicrosecond);

void BM_SampleTopP(benchmark::State& state) {
  SamplingOptions options = AtTemperature(0.8);
  options.top_p = 0.9;
  Pick(state, options);
}
BENCHMARK(BM_SampleTopP)->Unit(benchmark::kMicrosecond);

void BM_SampleMinP(benchmark::State& state) {
  SamplingOptions options = AtTemperature(0.8);
  options.min_p = 0.05;
  Pick(state, options);
}
BENCHMARK(BM_SampleMinP)->Unit(benchmark::kMicrosecond);

void BM_SampleTypicalP(benchmark::State& state) {
  SamplingOptions options = AtTemperature(0.8);
  options.typical_p = 0.9;
  Pick(state, options);
}
BENCHMARK(BM_SampleTypicalP)->Unit(benchmark::kMicrosecond);

// What the model card of Trinity-Mini advises.
void BM_SampleMiniCard(benchmark::State& state) {
  SamplingOptions options = AtTemperature(0.15);
  options.top_k = 50;
  options.top_p = 0.75;
  options.min_p = 0.06;
  Pick(state, options);
}
BENCHMARK(BM_SampleMiniCard)->Unit(benchmark::kMicrosecond);

void BM_SampleEveryStep(benchmark::State& state) {
  SamplingOptions options = AtTemperature(0.8);
  options.repetition_penalty = 1.1;
  options.frequency_penalty = 0.1;
  options.dry.multiplier = 0.8;
  options.top_n_sigma = 3;
  options.top_k = 50;
  options.typical_p = 0.95;
  options.top_p = 0.9;
  options.min_p = 0.05;
  options.xtc_probability = 0.5;
  Pick(state, options);
}
BENCHMARK(BM_SampleEveryStep)->Unit(benchmark::kMicrosecond);

void BM_TopLogprobs(benchmark::State& state) {
  const std::vector<float> logits = ModelLogits();
  for (auto _ : state) benchmark::DoNotOptimize(TopLogprobs(logits, kVocabSize, 5, 20));
}
BENCHMARK(BM_TopLogprobs)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace trinity

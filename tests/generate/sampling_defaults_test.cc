#include "generate/sampling_defaults.h"

#include <gtest/gtest.h>

#include "tests/support/paths.h"

namespace trinity {
namespace {

Config Shape(int64_t hidden_size, int64_t num_hidden_layers) {
  Config config;
  config.hidden_size = hidden_size;
  config.num_hidden_layers = num_hidden_layers;
  return config;
}

std::string Text(const SamplingDefaults& defaults) {
  std::string text;
  for (const SamplingDefaults::Value& value : defaults.values) {
    text += value.name + "=" + value.text + " (" + value.source + ") ";
  }
  return text;
}

TEST(SamplingDefaults, ComeFromGenerationConfig) {
  const GenerationConfig generation = GenerationConfig::Load(PicoFolder());
  const SamplingDefaults defaults = FindSamplingDefaults(generation, Shape(256, 6), "trinity-pico");
  EXPECT_EQ(defaults.options.temperature, 0.3);
  EXPECT_EQ(defaults.options.top_k, 50);
  EXPECT_EQ(defaults.options.top_p, 0.9);
  EXPECT_EQ(defaults.options.min_p, 0.05);
  EXPECT_EQ(Text(defaults),
            "temperature=0.3 (generation_config.json) top_k=50 (generation_config.json) "
            "top_p=0.9 (generation_config.json) min_p=0.05 (generation_config.json) ");
}

TEST(SamplingDefaults, ComeFromTheModelCardOtherwise) {
  const SamplingDefaults mini = FindSamplingDefaults({}, Shape(2048, 32), "Trinity-Mini");
  EXPECT_EQ(mini.options.temperature, 0.15);
  EXPECT_EQ(mini.options.top_k, 50);
  EXPECT_EQ(mini.options.top_p, 0.75);
  EXPECT_EQ(mini.options.min_p, 0.06);
  EXPECT_EQ(mini.values[0].source, "model card of Trinity-Mini");
  const SamplingDefaults thinking =
      FindSamplingDefaults({}, Shape(3072, 60), "arcee-ai/Trinity-Large-Thinking");
  EXPECT_EQ(thinking.options.temperature, 0.3);
  EXPECT_EQ(thinking.options.top_p, 0.8);
}

TEST(SamplingDefaults, AreGreedyWhereNobodySaysAnything) {
  for (const auto& [config, name] :
       {std::pair(Shape(1024, 56), "Trinity-Nano"), std::pair(Shape(2048, 32), "Trinity-Mini-Base"),
        std::pair(Shape(3072, 60), "Trinity-Large-Preview")}) {
    EXPECT_EQ(Text(FindSamplingDefaults({}, config, name)), "temperature=0 (built in) ") << name;
  }
}

TEST(SamplingDefaults, OfOneSourceAreNotMixedWithAnother) {
  GenerationConfig generation;
  generation.top_p = 0.5;
  const SamplingDefaults defaults =
      FindSamplingDefaults(generation, Shape(2048, 32), "Trinity-Mini");
  EXPECT_EQ(Text(defaults), "temperature=1 (built in) top_p=0.5 (generation_config.json) ");
}

TEST(SamplingDefaults, DoSampleFalseIsGreedy) {
  GenerationConfig generation;
  generation.do_sample = false;
  generation.temperature = 0.7;
  generation.top_k = 50;
  generation.repetition_penalty = 1.1;
  const SamplingDefaults defaults = FindSamplingDefaults(generation, Shape(2048, 32), "x");
  EXPECT_EQ(defaults.options.temperature, 0);
  EXPECT_EQ(defaults.options.top_k, 0);
  EXPECT_EQ(defaults.options.repetition_penalty, 1.1);
}

}  // namespace
}  // namespace trinity

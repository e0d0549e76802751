#include "generate/sampling_defaults.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

namespace trinity {
namespace {

bool SaysHowToTruncate(const GenerationConfig& g) {
  return g.top_k || g.top_p || g.min_p || g.typical_p;
}

bool SaysAnything(const GenerationConfig& g) {
  return g.temperature || g.repetition_penalty || SaysHowToTruncate(g) || g.do_sample == false;
}

// What the authors advise, in the fields of generation_config.json.
struct ModelCard {
  std::string_view name;
  GenerationConfig values;
};

// The gateway of Trinity-Large-Thinking uses the values given here; its card names none.
std::optional<ModelCard> FindModelCard(const Config& config, std::string_view model_name) {
  std::string name(model_name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto name_holds = [&](std::string_view word) { return name.find(word) != name.npos; };
  if (name_holds("base")) return std::nullopt;
  ModelCard card;
  if (config.hidden_size == 2048 && config.num_hidden_layers == 32) {
    card.name = "model card of Trinity-Mini";
    card.values.temperature = 0.15;
    card.values.top_k = 50;
    card.values.top_p = 0.75;
    card.values.min_p = 0.06;
    return card;
  }
  if (config.hidden_size == 3072 && config.num_hidden_layers == 60 && name_holds("thinking")) {
    card.name = "hosted Trinity-Large-Thinking";
    card.values.temperature = 0.3;
    card.values.top_p = 0.8;
    return card;
  }
  return std::nullopt;
}

// Collects values with their source.
class Collector {
 public:
  template <class T>
  void Set(std::string_view name, T& field, const std::optional<T>& value,
           std::string_view source) {
    if (!value) return;
    field = *value;
    defaults_.values.push_back({std::string(name), fmt::format("{}", *value), std::string(source)});
  }

  void SetTruncation(const GenerationConfig& g, std::string_view source) {
    Set("top_k", options().top_k, g.top_k, source);
    Set("top_p", options().top_p, g.top_p, source);
    Set("min_p", options().min_p, g.min_p, source);
    Set("typical_p", options().typical_p, g.typical_p, source);
  }

  SamplingOptions& options() { return defaults_.options; }
  SamplingDefaults Take() { return std::move(defaults_); }

 private:
  SamplingDefaults defaults_;
};

}  // namespace

SamplingDefaults FindSamplingDefaults(const GenerationConfig& generation, const Config& config,
                                      std::string_view model_name) {
  Collector collector;
  const std::optional<double> greedy = 0.0;
  const std::optional<double> plain = 1.0;
  double& temperature = collector.options().temperature;
  if (SaysAnything(generation)) {
    if (generation.do_sample == false) {
      collector.Set("temperature", temperature, greedy, generation.source + ", do_sample");
    } else if (generation.temperature) {
      collector.Set("temperature", temperature, generation.temperature, generation.source);
    } else {
      // As transformers has it: 1 where there is sampling at all.
      const bool samples = generation.do_sample.value_or(SaysHowToTruncate(generation));
      collector.Set("temperature", temperature, samples ? plain : greedy, "built in");
    }
    if (temperature > 0) collector.SetTruncation(generation, generation.source);
    collector.Set("repetition_penalty", collector.options().repetition_penalty,
                  generation.repetition_penalty, generation.source);
    return collector.Take();
  }
  if (const std::optional<ModelCard> card = FindModelCard(config, model_name)) {
    collector.Set("temperature", temperature, card->values.temperature, card->name);
    collector.SetTruncation(card->values, card->name);
    return collector.Take();
  }
  if (generation.do_sample == true) {
    collector.Set("temperature", temperature, plain, generation.source + ", do_sample");
  } else {
    collector.Set("temperature", temperature, greedy, "built in");
  }
  return collector.Take();
}

}  // namespace trinity

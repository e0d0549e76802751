#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generate/sampling_options.h"
#include "model/config.h"
#include "tokenizer/generation_config.h"

namespace trinity {

// How a model is sampled where the user says nothing, and who says so.
struct SamplingDefaults {
  struct Value {
    std::string name;    // "top_p"
    std::string text;    // "0.75"
    std::string source;  // "generation_config.json", "model card of Trinity-Mini", "built in"
  };

  SamplingOptions options;
  std::vector<Value> values;  // what differs from SamplingOptions{}, and always the temperature
};

// generation_config.json where it says anything about sampling, else the model card, else greedy;
// one source for all values, so that no mixture arises that nobody has advised. `model_name`
// (folder or repository) tells Thinking and Base models from others of the same shape.
SamplingDefaults FindSamplingDefaults(const GenerationConfig& generation, const Config& config,
                                      std::string_view model_name);

}  // namespace trinity
